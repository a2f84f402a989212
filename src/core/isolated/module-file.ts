import { type DynamicModule, type Type } from '@nestjs/common';
import { MODULE_METADATA } from '@nestjs/common/constants.js';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { property } from '../text/shown.js';

/** What a file exports as a module of Nest. */
export type ExportedModule = Type | DynamicModule | Promise<DynamicModule>;

/** In the CommonJS build TypeScript makes a `require` of `import`, which cannot load an ES module. */
const importFile = new Function('href', 'return import(href)') as (href: string) => Promise<object>;

/** @throws Error that names the file, what it exports, and the fix */
export async function moduleIn(href: string, name: string | undefined): Promise<ExportedModule> {
  const exports = exportsOf(await load(href));
  const wanted = name ?? (isModule(exports['default']) ? 'default' : undefined);
  if (wanted !== undefined) {
    const found = exports[wanted];
    if (isModule(found)) return found;
    throw new Error(
      `it exports ${found === undefined ? 'nothing' : 'no module'} as "${wanted}", but ${namesOf(exports)}: give the name of a class with @Module as the option export`,
    );
  }
  const modules = Object.keys(exports).filter((key) => isDecorated(exports[key]));
  if (modules.length === 1) return exports[modules[0]!] as Type;
  throw new Error(
    modules.length === 0
      ? `it exports no class with @Module, but ${namesOf(exports)}`
      : `it exports several modules, ${modules.join(', ')}: name one by the option export`,
  );
}

async function load(href: string): Promise<object> {
  try {
    return await importFile(href);
  } catch (error) {
    // A compiler that hooks into `require` alone, as ts-node/register does.
    if (property(error, 'code') !== 'ERR_UNKNOWN_FILE_EXTENSION') throw error;
    const path = fileURLToPath(href);
    return { default: createRequire(path)(path) as unknown };
  }
}

/** Those of a CommonJS file as well, which `import` gives as its default export. */
function exportsOf(loaded: object): Record<string, unknown> {
  const { default: whole, ...named } = loaded as Record<string, unknown>;
  if (typeof whole !== 'object' || whole === null || isModule(whole))
    return { ...named, ...(whole ? { default: whole } : {}) };
  return { ...named, ...whole };
}

function isModule(value: unknown): value is ExportedModule {
  return (
    typeof value === 'function' ||
    value instanceof Promise ||
    (typeof value === 'object' && value !== null && typeof property(value, 'module') === 'function')
  );
}

function isDecorated(value: unknown): boolean {
  return (
    typeof value === 'function' &&
    Object.values(MODULE_METADATA).some((key) => Reflect.hasMetadata(key, value))
  );
}

function namesOf(exports: Record<string, unknown>): string {
  const names = Object.keys(exports).filter((name) => name !== '__esModule');
  return names.length > 0 ? names.join(', ') : 'nothing';
}
