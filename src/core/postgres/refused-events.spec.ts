import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase } from '../../../test/support/database.js';
import { startWorkers, type Workers } from '../../../test/support/workers.js';
import { eventually } from '../../../test/support/eventually.js';
import { SystemClock } from '../timing/clock.js';
import { InvalidPayloadError } from '../worker/payload.js';
import { postgres } from './postgres.coordinator.js';

/** A database that lacks most characters. */
async function createLatinDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const spare = await createTestDatabase();
  const name = `latin_${Date.now()}`;
  const client = new pg.Client({ connectionString: spare.url });
  await client.connect();
  await client.query(
    `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'`,
  );
  const url = new URL(spare.url);
  url.pathname = name;
  return {
    url: url.href,
    drop: async () => {
      await client.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await client.end();
      await spare.drop();
    },
  };
}

/** The database keeps the time here. */
class RealClock extends SystemClock {
  async advance(): Promise<void> {}
}

describe('an event that the database of a cluster never takes', () => {
  let workers: Workers;
  let drop: () => Promise<void>;
  let happen = (_event: unknown): void => {};
  const seen: unknown[] = [];

  beforeAll(async () => {
    const database = await createLatinDatabase();
    ({ drop } = database);
    workers = await startWorkers(
      [],
      { coordination: postgres({ connectionString: database.url }) },
      new RealClock() as never,
    );
    workers.sources.add({ subscribe: (_type, handler) => ((happen = handler), () => {}) });
    workers.scheduler.register({
      name: 'w',
      interval: 0,
      on: ['x.y'],
      overlap: 'allow',
      run: ({ payload }) => void seen.push(payload),
    });
    await eventually(() => workers.scheduler.workerByName('w')?.running);
  });
  afterAll(async () => {
    await workers.close();
    await drop();
  });

  it('is dropped and named as refused, not as an outage; the next one is run', async () => {
    happen({ id: 1, text: '💥' });
    happen({ id: 2, text: 'é' });
    happen({ id: 'x'.repeat(100_000), text: 'long' });
    await eventually(() => seen.length === 2);
    expect(seen).toEqual(
      expect.arrayContaining([{ id: 2, text: 'é' }, expect.objectContaining({ text: 'long' })]),
    );
    expect(
      workers.logs.filter((text) => /An event is dropped.*PostgreSQL refuses it/.test(text)),
    ).toHaveLength(1);
    expect(workers.logs.filter((text) => text.includes('cannot be reached'))).toEqual([]);
  });

  it('is refused to whoever triggers with it', async () => {
    await expect(workers.scheduler.trigger('w', '💥')).rejects.toThrow(InvalidPayloadError);
  });
});
