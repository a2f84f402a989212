import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ORDINARY_USER } from './ordinary-user.js';

/** Something that some tests need from the machine. */
export interface Part {
  /** What it is, as the end of "needs …". */
  what: string;
  present(): boolean;
  /** How to get it: a package of Debian, one of npm into a folder of its own, or words for a person. */
  from: { debian: string } | { npm: string; folder: string } | { advice: string };
}

/** Takes what npm brings. Ignored by git, and kept by `npm ci`. */
const FOLDER = fileURLToPath(new URL('../../.parts/', import.meta.url));

/** Debian puts it where only root's PATH leads. */
export const PGBOUNCER = existsSync('/usr/sbin/pgbouncer') ? '/usr/sbin/pgbouncer' : 'pgbouncer';

export const PARTS = {
  terminal: {
    what: 'a terminal to type in (`script` of util-linux)',
    // That of BSD and macOS takes other options.
    present: () => says('script', ['--version'], /util-linux/),
    from: { debian: 'bsdutils' },
  },
  ps: {
    what: 'ps',
    present: () => says('ps', ['-A', '-o', 'pid='], /\d/),
    from: { debian: 'procps' },
  },
  proc: {
    what: 'the /proc of Linux',
    present: () => existsSync('/proc/self/stat'),
    from: { advice: 'run the tests on Linux' },
  },
  root: {
    what: 'to be root',
    present: () => process.getuid?.() === 0,
    from: { advice: 'run the tests as root' },
  },
  'ordinary user': {
    what: 'an ordinary user who may enter this checkout',
    present: () => ORDINARY_USER !== undefined,
    from: { advice: 'move the checkout out of the directory that only root may enter' },
  },
  pgbouncer: {
    what: 'PgBouncer, and an ordinary user to run it as',
    present: () => ORDINARY_USER !== undefined && says(PGBOUNCER, ['--version'], /^PgBouncer 1\./),
    from: { debian: 'pgbouncer' },
  },
  'Node 20': node(20),
  'Node 22': node(22),
  'Node 24': node(24),
} satisfies Record<string, Part>;

export type PartName = keyof typeof PARTS;

/** Executable of a Node of that major version: the one that runs this, or the one that the setup has brought. */
export function nodeOf(major: number): string {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  return join(folderOf(major), 'node_modules/.bin/node');
}

function node(major: number): Part {
  return {
    what: `Node ${major}`,
    present: () => says(nodeOf(major), ['--version'], new RegExp(`^v${major}\\.`)),
    from: { npm: `node-${process.platform}-${process.arch}@${major}`, folder: folderOf(major) },
  };
}

function folderOf(major: number): string {
  return join(FOLDER, `node-${major}`);
}

function says(program: string, args: string[], pattern: RegExp): boolean {
  const { stdout } = spawnSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return pattern.test(stdout ?? '');
}
