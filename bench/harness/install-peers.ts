import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const inPeers = (path: string): string => fileURLToPath(new URL(`../peers/${path}`, import.meta.url));
const LOCK = inPeers('package-lock.json');
/** The lock file that was installed: npm's own note in `node_modules` has another form. */
const INSTALLED = inPeers('node_modules/.installed-lock.json');

/**
 * Brings what `bench/peers` locks, unless it is there. These packages are no devDependencies: whoever installs the project
 * to use or test it needs none of them, and pg-boss would warn of Node 20 each time.
 */
export function installPeers(say: (line: string) => void): void {
  if (existsSync(INSTALLED) && readFileSync(INSTALLED).equals(readFileSync(LOCK))) return;
  const { dependencies } = JSON.parse(readFileSync(inPeers('package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  say(`Installing into bench/peers what this measures beside: ${Object.keys(dependencies).join(', ')}`);
  // stdout belongs to the result.
  const { status, error } = spawnSync('npm', ['run', '--silent', 'bench:peers'], {
    cwd: inPeers('../..'),
    stdio: ['ignore', process.stderr, process.stderr],
  });
  if (status !== 0)
    throw new Error(
      `npm run bench:peers ended with ${error?.message ?? `code ${status}`}: it needs the npm registry`,
    );
  copyFileSync(LOCK, INSTALLED);
}
