import { type DynamicModule, type Type } from '@nestjs/common';
import { MODULE_METADATA } from '@nestjs/common/constants.js';
import { type ModulesContainer } from '@nestjs/core';
import { WorkerModuleImportedTwiceError } from './worker.module.errors.js';

/**
 * One object from `forRoot` makes one module, wherever it is imported; two objects make two, also if they are alike.
 * @throws WorkerModuleImportedTwiceError
 */
export function requireSingleImport(module: Type, modules: ModulesContainer): void {
  const metatypes = [...modules.values()].map(({ metatype }) => metatype);
  const count = metatypes.filter((metatype) => metatype === module).length;
  if (count > 1)
    throw new WorkerModuleImportedTwiceError(
      count,
      metatypes.filter((metatype) => imports(metatype, module)).map(({ name }) => name),
    );
}

/** What the decorator says. Nest's own list of imports holds every global module, whoever imports it. */
function imports(importer: Type, module: Type): boolean {
  const listed: unknown[] = Reflect.getMetadata(MODULE_METADATA.IMPORTS, importer) ?? [];
  return listed.some((item) => (item as Partial<DynamicModule> | undefined)?.module === module);
}
