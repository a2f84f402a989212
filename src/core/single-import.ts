import { type DynamicModule, type Type } from '@nestjs/common';
import { MODULE_METADATA } from '@nestjs/common/constants.js';
import { type ModulesContainer } from '@nestjs/core';
import { WorkerModuleImportedTwiceError } from './worker.module.errors.js';

/**
 * Nest makes one module of one object from `forRoot`, however often it is imported, and two of two equal objects.
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

/** Reads the decorator: Nest's own list of imports also contains global modules that `importer` does not import. */
function imports(importer: Type, module: Type): boolean {
  const listed: unknown[] = Reflect.getMetadata(MODULE_METADATA.IMPORTS, importer) ?? [];
  return listed.some((item) => (item as Partial<DynamicModule> | undefined)?.module === module);
}
