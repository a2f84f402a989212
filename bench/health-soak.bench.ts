import { connect, dataSourceOptions } from '../dist/modules/schema/data-source.js';
import { migrate } from '../dist/modules/schema/migrate.js';
import { atMost, type Bench } from './harness/bench.js';
import { inChild, startChild } from './harness/child.js';
import { withPostgres } from './harness/postgres.js';
import { insertChecks } from './health/checks.js';
import { type RunnerFound } from './health/runner.js';
import { type Targets } from './health/targets.js';

const CHECKS = 20_000;
const INTERVAL = 10_000;
/** Minutes. A shorter one shows as much of the lateness, and less of the memory. */
const MINUTES = Number(process.env.HEALTH_SOAK_MINUTES ?? 10);

const module = (name: string): URL => new URL(`./health/${name}.ts`, import.meta.url);

export const healthSoak: Bench = {
  name: 'health-soak',
  summary: `${CHECKS} checks every ${INTERVAL / 1_000} s in one process for ${MINUTES} minutes (HEALTH_SOAK_MINUTES): lateness, memory, writes`,
  run: () =>
    withPostgres(async (url) => {
      const { found: targets, stop } = await startChild<Targets>(module('targets'));
      await migrate(url);
      const dataSource = await connect(dataSourceOptions({ url }));
      const commits = async (): Promise<number> => {
        const [row] = await dataSource.query<{ n: number }[]>(
          'SELECT xact_commit::int AS n FROM pg_stat_database WHERE datname = current_database()',
        );
        return row!.n;
      };
      try {
        await insertChecks(dataSource, CHECKS, INTERVAL, targets);
        const before = await commits();
        const found = await inChild<RunnerFound>(module('runner'), url, String(MINUTES * 60));
        const { checks, processor, lateness, overlapping, memory } = found;
        const written = (await commits()) - before;
        const [{ n, bad }] = (await dataSource.query<{ n: number; bad: number }[]>(
          'SELECT count(*)::int AS n, count(*) FILTER (WHERE outcome <> 0)::int AS bad FROM health_results',
        )) as [{ n: number; bad: number }];
        const due = (CHECKS / INTERVAL) * MINUTES * 60_000;
        return {
          ratios: {
            'start lateness, p99, in ms': atMost(150, lateness.p99),
            'memory, last fifth / first fifth': atMost(1.15, memory.last / memory.first),
            'runs left out / due': atMost(0.001, 1 - Math.min(1, checks / due)),
            'transactions / check': atMost(0.05, written / n),
          },
          measured: {
            'start lateness, p50': { unit: 'ms', samples: [lateness.p50] },
            'start lateness, p99': { unit: 'ms', samples: [lateness.p99] },
            'start lateness, most': { unit: 'ms', samples: [lateness.most] },
            checks: { unit: '/s', samples: [checks / (MINUTES * 60)] },
            'processor of the runner': { unit: '%', samples: [processor / (MINUTES * 600)] },
            'memory, first fifth': { unit: 'B', samples: [memory.first] },
            'memory, last fifth': { unit: 'B', samples: [memory.last] },
            'results that did not pass': { unit: 'runs', samples: [bad] },
            'left out, the run before had not ended': { unit: 'runs', samples: [overlapping] },
          },
          notes: [
            `${n} results are stored. 70% HTTP over new connections, 20% TCP, 10% gRPC, to servers in another process of the same machine.`,
            'Memory: resident, the median of the samples of each fifth of the time.',
          ],
        };
      } finally {
        await dataSource.destroy();
        stop();
      }
    }),
};
