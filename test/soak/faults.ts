import { get } from 'node:http';
import { setTimeout as pass } from 'node:timers/promises';
import { FrozenPostgres } from '../support/frozen-postgres.js';
import { postmasterOf } from '../support/processes.js';
import { type SoakedApp } from './soaked-app.js';

/** Something that fails, or somebody who comes and goes. It is over when the promise resolves. */
export type Fault = (app: SoakedApp) => Promise<void>;

/** Each with the number of seconds between two of them. */
export const FAULTS: readonly { name: string; every: number; happen: Fault }[] = [
  {
    name: 'an instance is killed',
    every: 7,
    happen: async (app) => {
      const [victim] = await app.query<{ ref: string }>(
        `SELECT ref FROM instances WHERE ref ~ '^[0-9]+$' AND state = 'running' ORDER BY random() LIMIT 1`,
      );
      if (victim) killIfThere(Number(victim.ref));
    },
  },
  {
    name: 'the fleet changes',
    every: 11,
    happen: (app) => app.apply(1 + Math.floor(Math.random() * 6)),
  },
  {
    name: 'a workload is deleted, and declared again',
    every: 23,
    happen: async (app) => {
      await app.query(`DELETE FROM workloads WHERE name = 'elastic'`);
      await pass(5_000);
      await app.apply(3);
    },
  },
  {
    name: 'ten pages are opened, and closed',
    every: 13,
    happen: async (app) => {
      const url = await app.app.url();
      const pages = Array.from({ length: 10 }, () => {
        const page = get(`${url}/dashboard/live`, { agent: false }, (stream) => {
          stream.resume().on('error', () => undefined);
        });
        return page.on('error', () => undefined);
      });
      await pass(3_000);
      for (const page of pages) page.destroy();
    },
  },
  {
    name: 'all runs are asked for by somebody who does not wait',
    every: 5,
    happen: async (app) => {
      const url = await app.app.url();
      for (const path of ['/runs?limit=1000', '/workers', '/events', '/no-such-page'])
        await fetch(url + path, { signal: AbortSignal.timeout(20) }).then(
          (answer) => answer.body?.cancel(),
          () => undefined,
        );
    },
  },
  {
    name: 'all connections to PostgreSQL are ended',
    every: 31,
    happen: async (app) => {
      await app.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
      );
    },
  },
  {
    name: 'PostgreSQL stands still for 3 s',
    every: 61,
    happen: async (app) => {
      const frozen = await FrozenPostgres.freeze(await postmasterOf(app.dataDirectory));
      await pass(3_000);
      frozen.resume();
    },
  },
  {
    name: 'PostgreSQL is killed',
    every: 97,
    happen: async (app) => killIfThere(await postmasterOf(app.dataDirectory)),
  },
];

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
