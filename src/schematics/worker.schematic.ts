import { type Path, join, normalize, strings } from '@angular-devkit/core';
import { type Rule, type SchematicContext, SchematicsException, type Tree } from '@angular-devkit/schematics';
import { ModuleFinder, NameParser } from '@nestjs/schematics';
import { parseDuration } from '../core/timing/duration.js';
import { declareInModule } from './declare-in-module.js';
import { isEsm } from './project.js';
import { specSource, workerSource } from './worker-source.js';

export interface WorkerSchematicOptions {
  name: string;
  /** Below the folder of the sources. */
  path?: string;
  sourceRoot?: string;
  /** A duration. Default `5m`. */
  every?: string;
  /** In place of `every`. */
  cron?: string;
  flat?: boolean;
  spec?: boolean;
  specFileSuffix?: string;
  skipImport?: boolean;
}

/**
 * `nest generate -c ctrlplane-workers worker NAME`: a provider with a tick, its spec, and its place among the providers
 * of the nearest module.
 * @throws SchematicsException for an interval that is none, and for a file that is there already
 */
export function worker(options: WorkerSchematicOptions): Rule {
  return (tree, context) => {
    const { name, folder } = placeOf(options);
    const { every = '5m', cron, spec = true, specFileSuffix = 'spec' } = options;
    if (cron === undefined) checkInterval(every);
    const file = join(folder, `${name}.worker.ts`);
    create(tree, file, workerSource(name, { every, cron }));
    if (spec)
      create(
        tree,
        join(folder, `${name}.worker.${specFileSuffix}.ts`),
        specSource(name, { esm: isEsm(tree) }),
      );
    if (!options.skipImport) declare(tree, context, name, folder);
    return tree;
  };
}

function placeOf({ name: given, path = '', sourceRoot = '', flat }: WorkerSchematicOptions): {
  name: string;
  folder: Path;
} {
  const location = new NameParser().parse({ name: given.replace(/[-_.]?worker$/i, '') || given, path });
  const name = strings.dasherize(location.name);
  if (!/^[a-z][a-z0-9-]*$/.test(name))
    throw new SchematicsException(`"${given}" makes no name of a class: give letters, digits and hyphens`);
  const below = normalize(location.path);
  const root = normalize(`/${sourceRoot}`);
  const folder = below.startsWith(root) ? below : join(root, below);
  return { name, folder: flat ? folder : join(folder, name) };
}

function checkInterval(every: string): void {
  try {
    parseDuration(every);
  } catch (error) {
    throw new SchematicsException(error instanceof Error ? error.message : String(error));
  }
}

function create(tree: Tree, file: Path, source: string): void {
  if (tree.exists(file)) throw new SchematicsException(`${file} is there already`);
  tree.create(file, source);
}

function declare(tree: Tree, { logger }: SchematicContext, name: string, folder: Path): void {
  const module = new ModuleFinder(tree).find({ name, path: folder });
  if (!module) return;
  const className = `${strings.classify(name)}Worker`;
  const from = { file: join(folder, `${name}.worker`) };
  if (!declareInModule(tree, module, { className, metadata: 'providers', from }))
    logger.warn(`${module} was left alone: add ${className} to the providers of its module`);
}
