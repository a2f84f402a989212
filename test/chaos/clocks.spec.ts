import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { builtCheckout } from '../support/app-workbench.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { temporaryDirectories } from '../support/temporary-directory.js';
import { findViolations, tally } from './audit.js';
import { findOverlaps } from './overlaps.js';
import { Replicas } from './replicas.js';

const TEN_MINUTES = 600_000;
const WORKERS = Array.from({ length: 10 }, (_, i) => ({
  name: `worker-${i}`,
  interval: 1_000,
  takes: 20,
  writes: true,
}));

describe('replicas whose clocks are ten minutes apart', () => {
  const directory = temporaryDirectories(afterAll);
  let database: TestDatabase;
  let replicas: Replicas;

  beforeAll(async () => {
    database = await createTestDatabase();
    replicas = await Replicas.prepare({
      url: database.url,
      checkout: builtCheckout(),
      directory: await directory(),
      workers: WORKERS,
    });
    for (const clockAhead of [TEN_MINUTES, 0, -TEN_MINUTES]) await replicas.start({ clockAhead });
  });
  afterAll(async () => {
    await replicas.destroy();
    await database.drop();
  });

  it('run no slot twice, and none before its time by the clock of PostgreSQL; each takes its share', async () => {
    await eventually(() => replicas.notes().filter((notes) => notes.length > 10).length === 3, 60_000);
    await replicas.drainAll();
    expect(await findViolations(replicas.pool)).toEqual([]);
    expect(findOverlaps(replicas.notes())).toEqual([]);
    const { completed, missed } = await tally(replicas.pool);
    expect(completed).toBeGreaterThan(missed);
  });

  it('tell of their runs by the clock of PostgreSQL, too', async () => {
    const { rows } = await replicas.pool.query<{ off: number }>(
      `SELECT max(abs(extract(epoch FROM r.started_at - m.at)))::float8 AS off
       FROM workers.runs r JOIN chaos.moves m ON m.run = r.id AND m.token <> m.token_before`,
    );
    expect(rows[0]!.off).toBeLessThan(TEN_MINUTES / 1_000 / 10);
  });
});
