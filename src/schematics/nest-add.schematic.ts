import { join, normalize, type Path } from '@angular-devkit/core';
import { type Rule, type SchematicContext, SchematicsException, type Tree } from '@angular-devkit/schematics';
import { NodePackageInstallTask } from '@angular-devkit/schematics/tasks';
import { declareInModule } from './declare-in-module.js';
import { healthSources } from './health-source.js';
import { addPackages, isEsm, nestOf } from './project.js';

/** Where runs are kept: `postgres` coordinates the replicas as well. */
const STORES = ['memory', 'postgres'] as const;

export interface NestAddOptions {
  sourceRoot?: string;
  module?: string;
  main?: string;
  /** Default `memory`. */
  store?: (typeof STORES)[number];
  /** Whether to make a health check. Default: yes. */
  health?: boolean;
  /** Whether to leave the installation of packages to the user. Default: no. */
  skipInstall?: boolean;
}

/** The call of `forRoot`, by the store. */
const CALLS = {
  memory: 'WorkerModule.forRoot()',
  postgres: `WorkerModule.forRoot({
      coordination: postgres({ connectionString: process.env.DATABASE_URL }),
    })`,
};

/**
 * `nest add ctrlplane-workers`: `WorkerModule.forRoot()` among the imports of the root module, with the options of the store that
 * was chosen; a health check; `@nestjs/schedule` and what else is needed in the version that fits; and `app.enableShutdownHooks()` in
 * main.ts, without which Nest hears no signal and drains nothing. What is there already stays as it is.
 * @throws SchematicsException when there is no root module, and for a store that there is not
 */
export function nestAdd(options: NestAddOptions): Rule {
  const { sourceRoot = 'src', module = 'app.module.ts', main = 'main.ts' } = options;
  const { store = 'memory', health = true, skipInstall = false } = options;
  if (!STORES.includes(store))
    throw new SchematicsException(`--store ${store}: there are ${STORES.join(' and ')}`);
  return (tree, context) => {
    const root = normalize(`/${sourceRoot}`);
    const file = join(root, module);
    if (!tree.exists(file))
      throw new SchematicsException(
        `There is no ${file}: name the root module with --module, below --source-root`,
      );
    importWorkers(tree, context, file, store);
    // npm alone takes the newest, which is ES modules: the Jest of a project of NestJS 11 cannot load those.
    const older = nestOf(tree) < 12;
    const packages: Record<string, string> = { '@nestjs/schedule': older ? '^6.0.0' : '^12.0.0' };
    if (store === 'postgres') packages['pg'] = '^8.11.0';
    if (health && addHealth(tree, context, root, file))
      packages['@nestjs/terminus'] = older ? '^11.0.0' : '^12.0.0';
    if (addPackages(tree, packages) && !skipInstall) context.addTask(new NodePackageInstallTask());
    enableShutdownHooks(tree, context, join(root, main));
    return tree;
  };
}

function importWorkers(
  tree: Tree,
  { logger }: SchematicContext,
  file: Path,
  store: keyof typeof CALLS,
): void {
  if (/\bWorkerModule\b/.test(textOf(tree, file))) return;
  const as = CALLS[store];
  const from = { package: 'ctrlplane-workers' };
  if (!declareInModule(tree, file, { className: 'WorkerModule', metadata: 'imports', from, as }))
    return logger.warn(`${file} was left alone: add ${as} of ctrlplane-workers to the imports of its module`);
  if (store !== 'postgres') return;
  const after = `import { WorkerModule } from 'ctrlplane-workers';\n`;
  const source = textOf(tree, file);
  tree.overwrite(
    file,
    source.replace(after, `${after}import { postgres } from 'ctrlplane-workers/postgres';\n`),
  );
}

/** @returns whether it was made */
function addHealth(tree: Tree, { logger }: SchematicContext, root: Path, module: Path): boolean {
  const known = filesWith(tree, root, 'HealthCheckService')[0];
  if (known !== undefined) {
    if (filesWith(tree, root, 'WorkerHealthIndicator').length === 0)
      logger.warn(
        `${known} has a health check: inject WorkerHealthIndicator of ctrlplane-workers/terminus, whose WorkerHealthModule its module imports, and check () => workers.isHealthy('workers')`,
      );
    return false;
  }
  const folder = join(root, 'health');
  const sources = Object.entries(healthSources({ esm: isEsm(tree) }));
  const there = sources.map(([name]) => join(folder, name)).find((file) => tree.exists(file));
  if (there !== undefined) {
    logger.warn(`No health check was made, as there is a ${there}`);
    return false;
  }
  for (const [name, source] of sources) tree.create(join(folder, name), source);
  const from = { file: join(folder, 'health.module') };
  if (!declareInModule(tree, module, { className: 'HealthModule', metadata: 'imports', from }))
    logger.warn(`${module} was left alone: add HealthModule of ${from.file} to the imports of its module`);
  return true;
}

function filesWith(tree: Tree, folder: Path, word: string): string[] {
  const found: string[] = [];
  tree.getDir(folder).visit((file) => {
    if (file.endsWith('.ts') && textOf(tree, file).includes(word)) found.push(file);
  });
  return found;
}

function textOf(tree: Tree, file: string): string {
  return tree.read(file)?.toString() ?? '';
}

function enableShutdownHooks(tree: Tree, { logger }: SchematicContext, file: string): void {
  const source = tree.read(file)?.toString();
  if (source?.includes('enableShutdownHooks')) return;
  const created = /^([ \t]*)(?:const|let) (\w+) = await NestFactory\.create[\s\S]*?;[ \t]*$/m;
  const [whole, indent, app] = (source && created.exec(source)) || [];
  if (!source || !whole) {
    logger.warn(`${file} was left alone: call app.enableShutdownHooks(), so that SIGTERM drains the workers`);
    return;
  }
  tree.overwrite(
    file,
    source.replace(whole, () => `${whole}\n${indent}${app}.enableShutdownHooks();`),
  );
}
