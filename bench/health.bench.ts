import assert from 'node:assert/strict';
import { connect, dataSourceOptions } from '../dist/modules/schema/data-source.js';
import { migrate } from '../dist/modules/schema/migrate.js';
import { atLeast, type Bench, type BenchResult } from './harness/bench.js';
import { inChild, startChild } from './harness/child.js';
import { withPostgres } from './harness/postgres.js';
import { inTurn, ratio } from './harness/rounds.js';
import { type ProbesFound } from './health/bare-loop.js';
import { hasBlackboxExporter, inBlackboxExporter } from './health/blackbox-exporter.js';
import { insertChecks } from './health/checks.js';
import { type RunnerFound } from './health/runner.js';
import { type Targets } from './health/targets.js';

const CHECKS = 20_000;
const INTERVAL = 10_000;
const SECONDS = 15;
const PROBES = 3_000;

const module = (name: string): URL => new URL(`./health/${name}.ts`, import.meta.url);

export const health: Bench = {
  name: 'health',
  summary: `health checks per second of processor time, results stored, beside blackbox_exporter and bare undici`,
  run: (say) =>
    withPostgres(async (url) => {
      const { found: targets, stop } = await startChild<Targets>(module('targets'));
      try {
        await migrate(url);
        const dataSource = await connect(dataSourceOptions({ url }));
        try {
          await insertChecks(dataSource, CHECKS, INTERVAL, targets);
          return await measure(url, targets, say, async () => {
            const [row] = await dataSource.query<{ n: number; bad: number }[]>(
              'SELECT count(*)::int AS n, count(*) FILTER (WHERE outcome <> 0)::int AS bad FROM health_results',
            );
            return row!;
          });
        } finally {
          await dataSource.destroy();
        }
      } finally {
        stop();
      }
    }),
};

async function measure(
  url: string,
  { http }: Targets,
  say: (line: string) => void,
  stored: () => Promise<{ n: number; bad: number }>,
): Promise<BenchResult> {
  const perSecond = ({ checks, processor }: ProbesFound): number => (checks * 1_000) / processor;
  const withPeer = hasBlackboxExporter();
  let results = 0;
  const subjects: Record<string, () => Promise<number>> = {
    runner: async () => {
      const found = await inChild<RunnerFound>(module('runner'), url, String(SECONDS));
      const { n, bad } = await stored();
      assert.ok(
        n - results >= found.checks * 0.95,
        `${n - results} results of ${found.checks} checks are stored`,
      );
      assert.equal(bad, 0, 'checks that did not pass');
      results = n;
      return perSecond(found);
    },
    bare: async () =>
      perSecond(await inChild<ProbesFound>(module('bare-loop'), String(http), String(SECONDS))),
  };
  if (withPeer) subjects.blackbox = async () => perSecond(await inBlackboxExporter(http, PROBES));
  const rates = await inTurn({ count: 3, warmUp: 0 }, subjects, say);
  const { runner, bare, blackbox } = rates as Record<'runner' | 'bare' | 'blackbox', number[] | undefined>;
  return {
    ratios: {
      ...(blackbox && { 'health runner / blackbox_exporter': atLeast(2, ratio(runner!, blackbox)) }),
      'health runner / bare undici': atLeast(0.7, ratio(runner!, bare!)),
    },
    measured: {
      'health runner, results stored': { unit: '/s', samples: runner! },
      'bare undici': { unit: '/s', samples: bare! },
      ...(blackbox && { blackbox_exporter: { unit: '/s' as const, samples: blackbox } }),
    },
    notes: [
      `Checks for each second of processor time of the process that makes them; PostgreSQL and the servers are others.`,
      `The runner: ${CHECKS} checks every ${INTERVAL / 1_000} s for ${SECONDS} s, 70% HTTP, 20% TCP, 10% gRPC; every result is stored, and none failed.`,
      'The others: HTTP alone, ten at a time, to the same servers. All HTTP is over a new connection each.',
      ...(withPeer ? [] : ['prometheus-blackbox-exporter is not installed (Debian has it): left out.']),
    ],
  };
}
