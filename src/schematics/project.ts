import { type Tree } from '@angular-devkit/schematics';

/** What the schematics read of a project's `package.json`. */
interface Manifest {
  readonly type?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const MANIFEST = '/package.json';
/** Of a project that does not say which NestJS it has. */
const LATEST_NEST = 12;

/** Whether its imports name files with their ending. */
export function isEsm(tree: Tree): boolean {
  return manifestOf(tree)?.type === 'module';
}

/** The major version of its NestJS. */
export function nestOf(tree: Tree): number {
  const [major] = /\d+/.exec(manifestOf(tree)?.dependencies?.['@nestjs/core'] ?? '') ?? [];
  return major === undefined ? LATEST_NEST : Number(major);
}

/**
 * Adds packages to the dependencies of the project. What it has already stays as it is.
 * @param wanted versions by name
 * @returns whether there is something to install
 */
export function addPackages(tree: Tree, wanted: Record<string, string>): boolean {
  const manifest = manifestOf(tree);
  if (!manifest) return false;
  const { dependencies = {}, devDependencies = {} } = manifest;
  const missing = Object.entries(wanted).filter(
    ([name]) => !(name in { ...dependencies, ...devDependencies }),
  );
  if (missing.length === 0) return false;
  const all = [...Object.entries(dependencies), ...missing].sort(([a], [b]) => (a < b ? -1 : 1));
  const changed = { ...manifest, dependencies: Object.fromEntries(all) };
  tree.overwrite(MANIFEST, `${JSON.stringify(changed, undefined, 2)}\n`);
  return true;
}

function manifestOf(tree: Tree): Manifest | undefined {
  const source = tree.read(MANIFEST)?.toString();
  return source === undefined ? undefined : (JSON.parse(source) as Manifest);
}
