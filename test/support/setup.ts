// npm run test:setup: brings the parts that the tests need from the machine, or says what would bring them.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Part, PARTS } from './parts.js';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const missing = Object.values<Part>(PARTS).filter((part) => !part.present());
for (const { what, from } of missing)
  if ('advice' in from) say(`Some tests need ${what}, and will be left out: ${from.advice}`);

bringFromDebian(missing.flatMap(({ from }) => ('debian' in from ? from.debian : [])));
for (const { from } of missing) {
  if ('npm' in from) bringFromNpm(from.npm, from.folder);
  if ('lock' in from) bringLocked(from.lock, from.folder);
}

const lacking = missing.filter(({ from, present }) => !('advice' in from) && !present());
say(
  lacking.length
    ? `Missing still: ${lacking.map(({ what }) => what).join(', ')}. Tests that need it will be left out`
    : 'All that the tests need and that can be installed is here',
);

function bringFromDebian(packages: string[]): void {
  if (packages.length === 0) return;
  const install = ['apt-get', 'install', '--yes', '--no-install-recommends', ...packages];
  if (!existsSync('/etc/debian_version'))
    return say(`Install what this system calls these packages of Debian: ${packages.join(' ')}`);
  if (process.getuid?.() !== 0) return say(`As root: apt-get update && ${install.join(' ')}`);
  run('apt-get', 'update');
  run(...(install as [string, ...string[]]));
}

/** No install script is needed: the package is nothing but the program. */
function bringFromNpm(name: string, folder: string): void {
  run('npm', 'install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', name);
}

/** Exactly what a lock file says. */
function bringLocked(lock: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const name of ['package.json', 'package-lock.json'])
    copyFileSync(join(lock, name), join(folder, name));
  run('npm', 'ci', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund');
}

function run(program: string, ...args: string[]): void {
  say(`> ${[program, ...args].join(' ')}`);
  const { status, error } = spawnSync(program, args, {
    stdio: 'inherit',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (status === 0) return;
  say(`${program} ended with ${error?.message ?? `code ${status}`}`);
  process.exitCode = 1;
}
