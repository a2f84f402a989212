import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { Scheduler, WorkerModule } from 'ctrlplane-workers';
import {
  DatabaseModule,
  newId,
  ProviderRegistry,
  ReconcilerModule,
  specHash,
} from 'ctrlplane-workers/control-plane';
import { DataSource } from 'typeorm';
import { atMost, type Bench, type BenchResult } from './harness/bench.js';
import { withPostgres } from './harness/postgres.js';
import { inTurn, median, ratio, timed } from './harness/rounds.js';
import { containerProvider, serveContainers, type StoredInstance } from './reconcile/container-store.js';

const STORES = 20;
const SIZES = { small: 10_000, large: 100_000 };
const SPEC = { command: ['node', 'server.mjs'] };

/** A pass over a fleet that is as it should be, beside what cannot be saved of it: the lists, and the rows. */
export const reconcile: Bench = {
  name: 'reconcile',
  summary: `comparing 10,000 and 100,000 converged instances in ${STORES} stores, beside the lists and one slim SELECT`,
  run: (say) =>
    withPostgres(async (url) => {
      const small = await measure(`${url}`, SIZES.small, say);
      const large = await measure(`${url}`, SIZES.large, say);
      return result(small, large);
    }),
};

interface Taken {
  pass: number[];
  lists: number[];
  select: number[];
}

async function measure(url: string, size: number, say: (line: string) => void): Promise<Taken> {
  const app = await NestFactory.createApplicationContext(
    {
      module: class ReconcileBench {},
      imports: [
        DatabaseModule.forRoot({ url }),
        WorkerModule.forRoot(),
        ReconcilerModule.forRoot({ interval: '1h', concurrency: STORES, storeTimeout: '10m' }),
      ],
    },
    { logger: ['error', 'warn'], abortOnError: false },
  );
  const dataSource = app.get(DataSource);
  const scheduler = app.get(Scheduler);
  await dataSource.query('TRUNCATE instances');
  const stores = await Promise.all(
    Array.from({ length: STORES }, (_, n) => fillStore(dataSource, n, size / STORES)),
  );
  await dataSource.query('VACUUM ANALYZE instances');
  const providers = stores.map(({ name, url }) => containerProvider(name, url));
  const registry = app.get(ProviderRegistry, { strict: false });
  for (const provider of providers) registry.register(provider.info().name, provider);
  const writes = async (): Promise<string> => {
    const [row] = await dataSource.query<{ n: string }[]>(
      'SELECT count(*) || max(xmin::text) AS n FROM instances',
    );
    return row!.n;
  };
  const pass = async (): Promise<void> => {
    const { outcome, progress } = await (await scheduler.trigger('instance_drift')).ended;
    if (outcome !== 'succeeded' || !progress?.message?.startsWith(`${size} instances compared, 0 repaired`))
      throw new Error(`The pass was not what it should be: ${outcome}, ${progress?.message}`);
  };
  try {
    const before = await writes();
    const taken = await inTurn(
      { count: 7, warmUp: 3 },
      {
        lists: () => timed(() => Promise.all(providers.map((provider) => provider.list()))),
        select: () =>
          timed(() => dataSource.query('SELECT id, spec_hash, state, desired_state FROM instances')),
        pass: () => timed(pass),
      },
      (line) => say(`${size} instances: ${line}`),
    );
    if ((await writes()) !== before) throw new Error('A pass over a converged fleet has written to it');
    return taken;
  } finally {
    await app.close();
    for (const { server } of stores) {
      server.closeAllConnections();
      server.close();
    }
  }
}

async function fillStore(dataSource: DataSource, n: number, size: number) {
  const name = `daemon-${n}`;
  const tenantId = newId('tenant');
  const hash = specHash(SPEC);
  const instances: StoredInstance[] = Array.from({ length: size }, () => ({
    id: newId('instance'),
    tenantId,
    specHash: hash,
  }));
  await dataSource.query(
    `INSERT INTO instances (id, tenant_id, name, provider, provider_store, state, spec, spec_hash)
     SELECT id, $2, 'web', $3, $4, 'running', $5, $6 FROM unnest($1::text[]) AS id`,
    [instances.map(({ id }) => id), tenantId, name, `store_${name}`, JSON.stringify(SPEC), hash],
  );
  return { name, ...(await serveContainers(instances)) };
}

function result(small: Taken, large: Taken): BenchResult {
  const least = ({ lists, select }: Taken) => lists.map((ms, round) => ms + select[round]!);
  const growth = median(large.pass) / median(small.pass) / (SIZES.large / SIZES.small);
  return {
    ratios: {
      'pass / (lists + slim SELECT), 10,000': atMost(1.5, ratio(small.pass, least(small))),
      'pass / (lists + slim SELECT), 100,000': atMost(1.5, ratio(large.pass, least(large))),
      'growth of the pass / growth of the fleet': atMost(1.5, growth),
    },
    measured: {
      'pass, 10,000': { unit: 'ms', samples: small.pass },
      'lists, 10,000': { unit: 'ms', samples: small.lists },
      'slim SELECT, 10,000': { unit: 'ms', samples: small.select },
      'pass, 100,000': { unit: 'ms', samples: large.pass },
      'lists, 100,000': { unit: 'ms', samples: large.lists },
      'slim SELECT, 100,000': { unit: 'ms', samples: large.select },
    },
    notes: [
      `The stores are ${STORES} HTTP servers on loopback, in the same process, that answer containers as a daemon lists them.`,
      'No row was written by any pass, and no provider was asked for anything but its list, or there would be no figures.',
    ],
  };
}
