import { afterEach } from '@jest/globals';
import { chown, cp, lstat, readdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { InstanceDirectories } from '../../src/modules/providers/process/instance-directories.js';
import { endRuns } from '../../src/modules/providers/process/instance-runs.js';
import { isAlive, type ProcessIdentity } from '../../src/modules/providers/process/process-identity.js';
import { AppProcess, type Exit } from './app-process.js';
import { eventually } from './eventually.js';
import { endServer, type Owner } from './postgres-workbench.js';
import { temporaryDirectories } from './temporary-directory.js';

/** The token of every app that is started here. */
export const TOKEN = 'token-of-the-system-tests';

/** npm scripts, and what they run once they have built it. */
const PROGRAMS = {
  start: ['dist/main.js'],
  'fleet:down': ['dist/fleet-down.js'],
  'fleet:apply': ['dist/fleet.js', 'apply'],
  'fleet:diff': ['dist/fleet.js', 'diff'],
};

export interface StartOptions {
  /** Default `start`. */
  script?: keyof typeof PROGRAMS;
  /** Behind it. */
  args?: string[];
  /** By npm, in a checkout of its own, because npm builds it first. Default: what is built already, by Node itself. */
  npm?: boolean;
  /** Typed into a terminal. Default: none is there. */
  terminal?: boolean;
  /** Beside `PATH`, `HOME`, `PORT=0`, `WORKERS_TOKEN` and `DATA_DIR`; undefined takes one of these away. */
  env?: Record<string, string | number | undefined>;
  /** Default: the one that was built for this run. Whatever builds must have one of its own. */
  checkout?: string;
  /** Default: this user. */
  as?: Owner;
}

/** Starts apps in directories of their own, and ends what a test leaves running: app, PostgreSQL, instances. */
export interface AppWorkbench {
  /** A new temporary directory that every user may enter. */
  directory(): Promise<string>;
  /** A copy of the built checkout, for what builds it anew. It belongs to that user. */
  checkout(owner?: Owner): Promise<string>;
  /** Starts it, and waits for nothing. */
  start(dataDirectory: string, options?: StartOptions): AppProcess;
  /** Starts what should end soon, and waits for its end. */
  run(dataDirectory: string, options?: StartOptions): Promise<Exit & { output: string }>;
}

/** @param cleanUp when what was started ends: `afterEach` test by default, or `afterAll` */
export function appWorkbench(cleanUp: typeof afterEach = afterEach): AppWorkbench {
  const processes: AppProcess[] = [];
  const used = new Set<string>();
  cleanUp(async () => {
    for (const process of processes.splice(0)) await process.destroy();
    for (const directory of used) await endAll(directory);
    used.clear();
  }, 60_000);
  // Hooks run in this order: directories are removed when nobody uses them any more.
  const directory = temporaryDirectories(cleanUp);

  const start: AppWorkbench['start'] = (dataDirectory, options = {}) => {
    const { env, checkout = builtCheckout(), as } = options;
    used.add(dataDirectory);
    const app = new AppProcess({
      command: commandOf(options),
      cwd: checkout,
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        NO_COLOR: '1',
        PORT: '0',
        WORKERS_TOKEN: TOKEN,
        DATA_DIR: dataDirectory,
        ...(env as NodeJS.ProcessEnv),
      },
      ...as,
    });
    processes.push(app);
    return app;
  };

  return {
    directory,
    start,
    async checkout({ uid, gid } = {}) {
      const copy = join(await directory(), 'checkout');
      await cp(builtCheckout(), copy, { recursive: true, filter: (path) => !path.endsWith('node_modules') });
      await symlink(join(builtCheckout(), 'node_modules'), join(copy, 'node_modules'));
      if (uid !== undefined && gid !== undefined) await chownAll(copy, uid, gid);
      return copy;
    },
    async run(...args) {
      const app = start(...args);
      return { ...(await app.exit), output: app.output };
    },
  };
}

function commandOf({ script = 'start', npm, terminal, args = [] }: StartOptions): [string, ...string[]] {
  const command: [string, ...string[]] = npm
    ? ['npm', 'run', script, ...args]
    : [process.execPath, ...PROGRAMS[script], ...args];
  if (!terminal) return command;
  // Without `exec` there may be a shell in between, which says 130 after Ctrl-C whatever its child said.
  return ['script', '-qfec', `exec ${command.map((word) => `'${word}'`).join(' ')}`, '/dev/null'];
}

/** Where the setup of this project has built the app. */
export function builtCheckout(): string {
  const checkout = process.env.TEST_CHECKOUT;
  if (!checkout)
    throw new Error('TEST_CHECKOUT is not set: run the tests by Jest with --selectProjects system');
  return checkout;
}

/** Whatever still runs on that data directory, found by what the app has written there. */
async function endAll(dataDirectory: string): Promise<void> {
  await endApp(dataDirectory);
  const instances = new InstanceDirectories(join(dataDirectory, 'instances'));
  for (const instance of await instances.all().catch(() => [])) await endRuns(instance, 0);
  await endServer(join(dataDirectory, 'postgres'));
}

/** An app that outlived what it was started by, such as a terminal. */
async function endApp(dataDirectory: string): Promise<void> {
  const names = await readdir(dataDirectory).catch(() => []);
  for (const name of names.filter((name) => name.startsWith('app.lock.'))) {
    const lock = await readFile(join(dataDirectory, name), 'utf8');
    if (!lock) continue;
    const app = JSON.parse(lock) as ProcessIdentity;
    if (!isAlive(app)) continue;
    process.kill(app.pid, 'SIGKILL');
    await eventually(() => !isAlive(app));
  }
}

async function chownAll(directory: string, uid: number, gid: number): Promise<void> {
  for (const name of await readdir(directory, { recursive: true })) {
    const path = join(directory, name);
    if (!(await lstat(path)).isSymbolicLink()) await chown(path, uid, gid);
  }
  await chown(directory, uid, gid);
}
