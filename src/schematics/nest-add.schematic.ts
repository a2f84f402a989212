import { join, normalize } from '@angular-devkit/core';
import { type Rule, type SchematicContext, SchematicsException, type Tree } from '@angular-devkit/schematics';
import { NodePackageInstallTask } from '@angular-devkit/schematics/tasks';
import { ModuleDeclarator } from '@nestjs/schematics';

export interface NestAddOptions {
  sourceRoot?: string;
  module?: string;
  main?: string;
}

/**
 * `nest add ctrlplane-workers`: `WorkerModule.forRoot()` among the imports of the root module, `@nestjs/schedule` in the
 * version that fits, and `app.enableShutdownHooks()` in main.ts, without which Nest hears no signal and drains nothing. What
 * is there already stays as it is.
 * @throws SchematicsException when there is no root module
 */
export function nestAdd({
  sourceRoot = 'src',
  module = 'app.module.ts',
  main = 'main.ts',
}: NestAddOptions): Rule {
  return (tree, context) => {
    const root = normalize(`/${sourceRoot}`);
    importModule(tree, join(root, module));
    addSchedule(tree, context);
    enableShutdownHooks(tree, context, join(root, main));
    return tree;
  };
}

function importModule(tree: Tree, file: ReturnType<typeof normalize>): void {
  const source = tree.read(file)?.toString();
  if (source === undefined)
    throw new SchematicsException(
      `There is no ${file}: name the root module with --module, below --source-root`,
    );
  if (/\bWorkerModule\b/.test(source)) return;
  const declared = new ModuleDeclarator().declare(source, {
    metadata: 'imports',
    name: 'worker',
    type: 'module',
    className: 'WorkerModule',
    symbol: 'WorkerModule',
    path: normalize('/'),
    module: file,
    staticOptions: { name: 'forRoot', value: {} },
  });
  // The declarator writes a path to a file of the project, and the empty options.
  const imported = declared.replace(
    /import \{ WorkerModule \} from '[^']*';/,
    `import { WorkerModule } from 'ctrlplane-workers';`,
  );
  const called = imported.replace(/WorkerModule\.forRoot\(\{\s*\}\)/, 'WorkerModule.forRoot()');
  tree.overwrite(
    file,
    called.replace(/imports: \[\s*WorkerModule\.forRoot\(\)\s*\]/, 'imports: [WorkerModule.forRoot()]'),
  );
}

/**
 * `@nestjs/schedule` in the major version that fits the project. npm alone takes 12, which is ES modules: the Jest of a
 * project of NestJS 11 cannot load those.
 */
function addSchedule(tree: Tree, context: SchematicContext): void {
  const source = tree.read('/package.json')?.toString();
  if (source === undefined) return;
  const manifest = JSON.parse(source) as Record<
    'dependencies' | 'devDependencies',
    Record<string, string> | undefined
  >;
  const { dependencies = {}, devDependencies = {} } = manifest;
  if ('@nestjs/schedule' in { ...dependencies, ...devDependencies }) return;
  const [major = '12'] = /\d+/.exec(dependencies['@nestjs/core'] ?? '') ?? [];
  const added = { ...dependencies, '@nestjs/schedule': Number(major) < 12 ? '^6.0.0' : '^12.0.0' };
  const sorted = Object.fromEntries(Object.entries(added).sort(([a], [b]) => (a < b ? -1 : 1)));
  tree.overwrite('/package.json', `${JSON.stringify({ ...manifest, dependencies: sorted }, undefined, 2)}\n`);
  context.addTask(new NodePackageInstallTask());
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
