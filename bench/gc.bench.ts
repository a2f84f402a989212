import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { WorkerModule } from 'ctrlplane-workers';
import { DatabaseModule, GarbageCollectorModule, migrate } from 'ctrlplane-workers/control-plane';
import pg from 'pg';
import { DryRunLog } from './gc/dry-run-log.js';
import { type FleetSize, makeFleetRows } from './gc/fleet-rows.js';
import { measurePasses } from './gc/passes.js';
import { Subjects } from './gc/subjects.js';
import { atLeast, atMost, type Bench, type BenchResult } from './harness/bench.js';
import { withPostgres } from './harness/postgres.js';
import { inTurn, ratio } from './harness/rounds.js';

const FLEET: FleetSize = { tenants: 1_000, workloads: 100_000, instances: 1_000_000, orphans: 900 };
/** The default of the worker. */
const MAX_INSTANCES_PER_TICK = 500;
const TICKS = FLEET.instances / FLEET.tenants / MAX_INSTANCES_PER_TICK;
/** Rows that are looked up one by one; all of them would take minutes a round. */
const SAMPLE = 5_000;

/** A set-based sweep in pages beside the two things that it stands between: one statement for all, and one for each row. */
export const gc: Bench = {
  name: 'gc',
  summary:
    'finding 900 orphans among 1,000,000 instances, beside one raw anti-join and a look-up per row; each other pass beside its raw statement',
  run: async (say) => {
    const sweep = await withPostgres(async (url) => {
      say(`making ${FLEET.instances} instances, which takes half a minute`);
      await migrate(url);
      await fill(url);
      return measure(url, say);
    });
    const passes = await withPostgres((url) => measurePasses(url, say));
    return {
      ratios: { ...sweep.ratios, ...passes.ratios },
      measured: { ...sweep.measured, ...passes.measured },
      notes: [...sweep.notes, ...passes.notes],
    };
  },
};

async function fill(url: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await makeFleetRows(client, FLEET);
  } finally {
    await client.end();
  }
}

async function measure(url: string, say: (line: string) => void): Promise<BenchResult> {
  const log = new DryRunLog();
  const app = await NestFactory.createApplicationContext(
    {
      module: class GcBench {},
      imports: [
        DatabaseModule.forRoot({ url }),
        WorkerModule.forRoot(),
        // Event-driven and dry: it runs when it is measured, and what is measured is the search.
        GarbageCollectorModule.forRoot({
          interval: 0,
          dryRun: true,
          maxInstancesPerTick: MAX_INSTANCES_PER_TICK,
        }),
      ],
    },
    { logger: log, abortOnError: false },
  );
  try {
    const subjects = new Subjects(app, log, TICKS);
    await subjects.prepare({ orphans: FLEET.orphans, sample: SAMPLE });
    const { sweep, antiJoin, byDistinctIds, lookUps } = subjects;
    const took = await inTurn({ count: 9, warmUp: 3 }, { antiJoin, sweep, byDistinctIds, lookUps }, say);
    const scaled = took.lookUps.map((ms) => ms * (FLEET.instances / SAMPLE));
    return {
      ratios: {
        'full sweep / raw anti-join': atMost(3, ratio(took.sweep, took.antiJoin)),
        'look-up per row / full sweep': atLeast(50, ratio(scaled, took.sweep)),
      },
      measured: {
        'full sweep': { unit: 'ms', samples: took.sweep },
        'raw anti-join': { unit: 'ms', samples: took.antiJoin },
        'raw, by distinct ids': { unit: 'ms', samples: took.byDistinctIds },
        'look-up per row (scaled)': { unit: 'ms', samples: scaled },
      },
      notes: [
        `The look-up per row was scaled: ${SAMPLE} rows were looked up, and the time multiplied by ${FLEET.instances / SAMPLE}.`,
        `A full sweep is ${TICKS} ticks of the worker gc, ${MAX_INSTANCES_PER_TICK} instances of each of ${FLEET.tenants} tenants in each, dry: with the re-check of every orphan and the stored positions, without deletions.`,
        `Each sweep and each raw statement found exactly the ${FLEET.orphans} orphans, or there would be no figures.`,
        'The raw anti-join is the plan that PostgreSQL itself takes, with parallel workers. By distinct ids is another statement with the same answer, shown without a claim.',
        'The tables were vacuumed and analyzed after they were filled, as autovacuum has done in a database that lives.',
      ],
    };
  } finally {
    await app.close();
  }
}
