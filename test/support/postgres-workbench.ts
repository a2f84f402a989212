import { afterAll, afterEach, jest } from '@jest/globals';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { clusterFiles } from '../../src/app/embedded-postgres/cluster-directory.js';
import { startEmbeddedPostgres } from '../../src/app/embedded-postgres/index.js';
import { readServerProcess, whoHas } from '../../src/app/embedded-postgres/server-process.js';
import { eventually } from './eventually.js';
import { temporaryDirectories } from './temporary-directory.js';

/** What a process that started an embedded PostgreSQL tells of it. */
export interface Started {
  pid: number;
  port: number;
  url: string;
  adopted: boolean;
}

/** Whom a process runs as; this user by default. */
export interface Owner {
  uid?: number;
  gid?: number;
}

/** Places for embedded PostgreSQLs of one spec file; whatever a test leaves running there ends with it. */
export interface PostgresWorkbench {
  /** A new temporary directory that every user may enter. */
  directory(): Promise<string>;
  /** A new one that holds a cluster which was started and stopped once. Copied, since initdb takes a second. */
  cluster(): Promise<string>;
  /** Starts PostgreSQL from another Node process, as the app would. */
  startInChild(directory: string, as?: Owner): Promise<{ app: ChildProcess } & Started>;
  /** The same, not waiting for it. */
  launch(directory: string, as?: Owner): ChildProcess;
}

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
const INDEX = new URL('../../src/app/embedded-postgres/index.ts', import.meta.url).href;

const APP = `
  const { startEmbeddedPostgres } = await import(${JSON.stringify(INDEX)});
  try {
    process.send({ started: await startEmbeddedPostgres({ directory: process.env.TEST_DIRECTORY }) });
  } catch (error) {
    process.send({ error: String(error) });
  }
  setInterval(() => undefined, 60_000);
`;

/** @param cleanUp when what was made ends: `afterEach` test by default, or `afterAll` */
export function postgresWorkbench(cleanUp: typeof afterEach = afterEach): PostgresWorkbench {
  // Several real processes are started in a test, on machines with little to spare.
  jest.setTimeout(30_000);
  const used: string[] = [];
  const apps: ChildProcess[] = [];
  cleanUp(async () => {
    for (const app of apps.splice(0)) app.kill('SIGKILL');
    for (const directory of used.splice(0)) await endServer(directory);
  });
  // Hooks run in this order: what is served is removed after its server has ended.
  const temporaryDirectory = temporaryDirectories(cleanUp);
  const lastingDirectory = temporaryDirectories(afterAll);
  let master: Promise<string> | undefined;

  const makeMaster = async () => {
    const directory = await lastingDirectory();
    const server = await startEmbeddedPostgres({ directory });
    await server.stop();
    return directory;
  };
  const directory = async () => {
    const made = await temporaryDirectory();
    used.push(made);
    return made;
  };
  const launch = (where: string, as?: Owner) => {
    const app = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', APP], {
      cwd: REPOSITORY,
      env: { ...process.env, NODE_OPTIONS: '', TEST_DIRECTORY: where },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      ...as,
    });
    apps.push(app);
    return app;
  };

  return {
    directory,
    launch,
    async cluster() {
      const [from, to] = [await (master ??= makeMaster()), await directory()];
      // Unlike fs.cp it keeps the owner.
      await promisify(execFile)('cp', ['-a', `${from}/.`, to]);
      return to;
    },
    async startInChild(where, as) {
      const app = launch(where, as);
      const [answer] = (await once(app, 'message')) as [{ started?: Started; error?: string }];
      if (!answer.started) throw new Error(answer.error);
      return { app, ...answer.started };
    },
  };
}

/** Kills the server of that directory, if it runs. */
export async function endServer(directory: string): Promise<void> {
  const files = clusterFiles(directory);
  const server = await readServerProcess(files);
  if (!server || (await whoHas(server.pid, files)) !== 'server') return;
  process.kill(server.pid, 'SIGKILL');
  await eventually(async () => (await whoHas(server.pid, files)) !== 'server');
}
