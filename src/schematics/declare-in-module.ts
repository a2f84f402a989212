import { basename, dirname, type Path } from '@angular-devkit/core';
import { type Tree } from '@angular-devkit/schematics';
import { ModuleDeclarator } from '@nestjs/schematics';
import { isEsm } from './project.js';

/** A class that a module is to have among its imports or providers. */
export interface Declared {
  readonly className: string;
  readonly metadata: 'imports' | 'providers';
  /** The package of the class, or its file without the ending. */
  readonly from: { readonly package: string } | { readonly file: Path };
  /** What stands in the list. Default: the name of the class. */
  readonly as?: string;
}

/**
 * Imports a class in the file of a module, and adds it to a list of the module's decorator.
 * @returns false when there is no such list, or the file names that class already: it is as before then
 */
export function declareInModule(tree: Tree, module: Path, declared: Declared): boolean {
  const { className, metadata, from, as } = declared;
  const file = 'file' in from ? from.file : module;
  const source = tree.read(module)!.toString();
  if (new RegExp(`\\b${className}\\b`).test(source)) return false;
  const changed = new ModuleDeclarator().declare(source, {
    metadata,
    name: basename(file),
    className,
    path: dirname(file),
    module,
  });
  // The import alone: the list is no list, or there is no decorator.
  const inList = new RegExp(`\\b${className}\\b(?=\\s*[\\],])`);
  if (!inList.test(changed)) return false;
  const imported = changed.replace(
    new RegExp(`import \\{ ${className} \\} from '([^']*)';`),
    (_line, path: string) => `import { ${className} } from '${importedFrom(tree, from, path)}';`,
  );
  tree.overwrite(module, as === undefined ? imported : imported.replace(inList, () => as));
  return true;
}

function importedFrom(tree: Tree, from: Declared['from'], path: string): string {
  if ('package' in from) return from.package;
  return isEsm(tree) ? `${path}.js` : path;
}
