import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ORDINARY_USER } from './ordinary-user.js';

/** Something that some tests need from the machine. */
export interface Part {
  /** What it is, as the end of "needs …". */
  what: string;
  present(): boolean;
  /**
   * How to get it: packages of Debian, one of npm into a folder of its own, what a lock file says into such a folder,
   * or words for a person.
   */
  from:
    | { debian: string | string[] }
    | { npm: string; folder: string }
    | { lock: string; folder: string }
    | { advice: string };
}

/** Takes what npm brings. Ignored by git, and kept by `npm ci`. */
const FOLDER = fileURLToPath(new URL('../../.parts/', import.meta.url));

const NEST_11_LOCK = fileURLToPath(new URL('../consumers/nest-11/', import.meta.url));

/** Where the packages of NestJS 11 are installed. */
export const NEST_11 = join(FOLDER, 'nest-11');

const ECOSYSTEM_LOCK = fileURLToPath(new URL('../consumers/ecosystem/', import.meta.url));

/** Where the packages are installed that applications have beside this one. */
export const ECOSYSTEM = join(FOLDER, 'ecosystem');

/** The browser that the tests of the page drive. */
export const CHROMIUM = '/usr/bin/chromium';

/** Debian puts it where only root's PATH leads. */
export const PGBOUNCER = existsSync('/usr/sbin/pgbouncer') ? '/usr/sbin/pgbouncer' : 'pgbouncer';

/** What the images of the tests are made of. */
export const BUSYBOX = '/bin/busybox';

const PEBBLE = ['/usr/bin/pebble', '/usr/bin/pebble-challtestsrv'];

/** Where Debian 12 puts the programs of its PostgreSQL. */
export const POSTGRES_15 = '/usr/lib/postgresql/15/bin';

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
  chromium: {
    what: 'Chromium',
    present: () => says(CHROMIUM, ['--version'], /^Chromium \d/),
    from: { debian: 'chromium' },
  },
  pebble: {
    what: 'Pebble, the ACME server for tests',
    // It names no version, and ends at once without a configuration.
    present: () => PEBBLE.every((program) => existsSync(program)),
    from: { debian: 'pebble' },
  },
  caddy: {
    what: 'Caddy, as a second ACME server, root to give it a DNS of its own, and that of Pebble',
    present: () =>
      process.getuid?.() === 0 &&
      PEBBLE.every((program) => existsSync(program)) &&
      says('caddy', ['version'], /^v?2\./),
    from: { debian: 'caddy' },
  },
  podman: {
    what: 'Podman with runc, a static busybox, and root',
    present: () =>
      process.getuid?.() === 0 &&
      existsSync(BUSYBOX) &&
      says('podman', ['--version'], /^podman version/) &&
      says('runc', ['--version'], /^runc/),
    from: { debian: ['podman', 'runc', 'busybox-static'] },
  },
  dockerd: {
    what: 'the Docker daemon, a static busybox, and root',
    present: () =>
      process.getuid?.() === 0 &&
      existsSync(BUSYBOX) &&
      says('/usr/sbin/dockerd', ['--version'], /^Docker version/),
    from: { debian: ['docker.io', 'busybox-static'] },
  },
  registry: {
    what: 'a registry of images (`docker-registry`)',
    present: () => says('docker-registry', ['--version'], /registry/),
    from: { debian: 'docker-registry' },
  },
  lego: {
    what: 'lego, to measure against',
    present: () => says('lego', ['--version'], /lego/),
    from: { debian: 'lego' },
  },
  certbot: {
    what: 'certbot, to measure against',
    present: () => says('certbot', ['--version'], /certbot/),
    from: { debian: 'certbot' },
  },
  redis: {
    what: 'Redis (`redis-server`)',
    present: () => says('redis-server', ['--version'], /^Redis server v=/),
    from: { debian: 'redis-server' },
  },
  promtool: {
    what: 'promtool, which tests rules of Prometheus',
    present: () => says('promtool', ['--version'], /promtool/),
    from: { debian: 'prometheus' },
  },
  'PostgreSQL 15': {
    what: 'the PostgreSQL 15 of Debian, and an ordinary user to run it as',
    present: () => ORDINARY_USER !== undefined && says(`${POSTGRES_15}/postgres`, ['--version'], / 15\./),
    from: { debian: 'postgresql-15' },
  },
  'Node 20': node(20),
  'Node 22': node(22),
  'Node 24': node(24),
  Bun: runtime('Bun', 'bun@1.4.5', /^1\./),
  Deno: runtime('Deno', 'deno@2.9.6', /^deno 2\./),
  'Nest 11': locked('NestJS 11 and what goes with it', NEST_11_LOCK, NEST_11),
  ecosystem: locked('the packages that applications have beside this one', ECOSYSTEM_LOCK, ECOSYSTEM),
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

/**
 * Executable of Bun or Deno, which npm has as well: that of the package for this machine. What npm links is a placeholder
 * until an install script has replaced it, or a script that hands on no signals.
 */
export function runtimeOf(name: 'Bun' | 'Deno'): string {
  const { platform, arch } = process;
  const modules = join(FOLDER, name.toLowerCase(), 'node_modules');
  if (name === 'Bun')
    return join(modules, `@oven/bun-${platform}-${arch === 'arm64' ? 'aarch64' : arch}/bin/bun`);
  return join(modules, `@deno/${platform}-${arch}${platform === 'linux' ? '-glibc' : ''}/deno`);
}

function runtime(name: 'Bun' | 'Deno', version: string, pattern: RegExp): Part {
  return {
    what: name,
    present: () => says(runtimeOf(name), ['--version'], pattern),
    from: { npm: version, folder: join(FOLDER, name.toLowerCase()) },
  };
}

function locked(what: string, lock: string, folder: string): Part {
  return {
    what,
    // npm leaves its own notes at the end of an installation.
    present: () =>
      sameFile(join(lock, 'package-lock.json'), join(folder, 'package-lock.json')) &&
      existsSync(join(folder, 'node_modules/.package-lock.json')),
    from: { lock, folder },
  };
}

function folderOf(major: number): string {
  return join(FOLDER, `node-${major}`);
}

function sameFile(a: string, b: string): boolean {
  return existsSync(b) && readFileSync(a).equals(readFileSync(b));
}

function says(program: string, args: string[], pattern: RegExp): boolean {
  const { stdout } = spawnSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return pattern.test(stdout ?? '');
}
