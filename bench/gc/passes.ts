import { NestFactory } from '@nestjs/core';
import { WorkerModule } from 'ctrlplane-workers';
import { DatabaseModule, GarbageCollectorModule, migrate } from 'ctrlplane-workers/control-plane';
import pg from 'pg';
import { atMost, type BenchResult } from '../harness/bench.js';
import { inTurn, ratio } from '../harness/rounds.js';
import { makePassRows, type PassSize } from './pass-rows.js';
import { KEEP, PassSubjects, RAW } from './pass-subjects.js';

const SIZE: PassSize = {
  tenants: 1_000,
  workloads: 50_000,
  domains: 100_000,
  routes: 200_000,
  certificates: 100_000,
  healthChecks: 200_000,
  deployments: 50_000 * KEEP,
  garbage: 500,
};

/** Each pass, dry, beside one raw statement that asks the same. */
export async function measurePasses(url: string, say: (line: string) => void): Promise<BenchResult> {
  say(`making ${SIZE.routes} routes, ${SIZE.deployments} deployments and the rest`);
  await migrate(url);
  const client = new pg.Client(url);
  await client.connect();
  try {
    await makePassRows(client, SIZE);
  } finally {
    await client.end();
  }
  const app = await NestFactory.createApplicationContext(
    {
      module: class PassBench {},
      imports: [
        DatabaseModule.forRoot({ url }),
        WorkerModule.forRoot(),
        GarbageCollectorModule.forRoot({ interval: 0, dryRun: true, keepDeployments: KEEP }),
      ],
    },
    { logger: ['error', 'warn'], abortOnError: false },
  );
  try {
    const subjects = new PassSubjects(app, SIZE.garbage);
    const names = Object.keys(RAW);
    const took = await inTurn(
      { count: 5, warmUp: 1 },
      Object.fromEntries(
        names.flatMap((name) => [
          [name, subjects.pass(name)],
          [`${name}, raw`, subjects.raw(name)],
        ]),
      ),
      say,
    );
    return {
      ratios: Object.fromEntries(
        names.map((name) => [
          `pass over ${name} / raw statement`,
          atMost(3, ratio(took[name]!, took[`${name}, raw`]!)),
        ]),
      ),
      measured: Object.fromEntries(
        Object.entries(took).map(([name, samples]) => [`pass: ${name}`, { unit: 'ms' as const, samples }]),
      ),
      notes: [
        `Each pass is dry and finds ${SIZE.garbage} of ${SIZE.domains} domains, ${SIZE.routes} routes, ${SIZE.certificates} certificates, ${SIZE.healthChecks} health checks and ${SIZE.deployments} deployments, with age and cause, and leaves what is served or needed. Its raw statement asks the bare question.`,
      ],
    };
  } finally {
    await app.close();
  }
}
