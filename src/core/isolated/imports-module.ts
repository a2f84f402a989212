import { MODULE_METADATA } from '@nestjs/common/constants.js';
import { property } from '../text/shown.js';

/** Whether a module imports that one, or one that does, as far as the decorators and dynamic modules say. */
export async function importsModule(
  importer: unknown,
  wanted: unknown,
  seen = new Set<unknown>(),
): Promise<boolean> {
  const module: unknown = await importer;
  if (module === undefined || module === null || seen.has(module)) return false;
  seen.add(module);
  const forward = property(module, 'forwardRef');
  if (typeof forward === 'function') return importsModule((forward as () => unknown)(), wanted, seen);
  const dynamic = property(module, 'module');
  const metatype = typeof module === 'function' ? module : dynamic;
  if (metatype === wanted) return true;
  const listed = [
    ...listOf(property(module, 'imports')),
    ...(typeof metatype === 'function' ? listOf(Reflect.getMetadata(MODULE_METADATA.IMPORTS, metatype)) : []),
  ];
  for (const item of listed) if (await importsModule(item, wanted, seen)) return true;
  return false;
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
