import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AppProcess } from '../support/app-process.js';
import { builtCheckout } from '../support/app-workbench.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { query } from '../support/query.js';

interface Row {
  key: string;
  attempt: number;
  state: 'ended' | 'open';
  runs: number;
  last_outcome: string | null;
}

describe('stored schedules of a replica that is killed', () => {
  let database: TestDatabase;
  const replicas: AppProcess[] = [];

  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    for (const replica of replicas.splice(0)) await replica.destroy();
    await database.drop();
  });

  const start = (env: Record<string, string> = {}): AppProcess => {
    const replica = new AppProcess({
      command: [process.execPath, 'test/apps/scheduled.mjs'],
      cwd: builtCheckout(),
      env: { PATH: process.env.PATH, NO_COLOR: '1', URL: database.url, LEASE: '30s', ...env },
    });
    replicas.push(replica);
    return replica;
  };
  /** Due now, the first one first, and once. */
  const schedule = (keys: readonly string[]) =>
    query(
      database.url,
      `INSERT INTO schedules (handler, key, timing, created_at, changed_at, revision, slot_at, planned_at, due_at)
       SELECT 'job', key, '{"at":0}', now(), now(), nextval('schedule_tokens'), slot, slot, slot
       FROM unnest($1::text[]) WITH ORDINALITY AS k (key, n), to_timestamp(n) AS slot`,
      [keys],
    );
  const rows = () =>
    query<Row & Record<string, unknown>>(
      database.url,
      `SELECT key, attempt, CASE WHEN ended_at IS NULL THEN 'open' ELSE 'ended' END AS state, runs::int, last_outcome
       FROM schedules ORDER BY key`,
    );
  const allEnded = () =>
    eventually(async () => {
      const all = await rows();
      return all.every(({ state }) => state === 'ended') && all;
    });
  const runsOf = ({ output }: AppProcess) => [...output.matchAll(/^run (.*)$/gm)].map(([, run]) => run!);

  it('are run again by another one, as the next attempt: those that it ran and those that waited for a place', async () => {
    const killed = start({ HOLD: '1', LEASE: '3s' });
    await killed.said(/ready/);
    const keys = Array.from({ length: 9 }, (_, n) => `hold ${n}`);
    await schedule(keys);
    await eventually(() => runsOf(killed).length === 5);
    const claimed = await query(database.url, 'SELECT key FROM schedules WHERE claimed_by IS NOT NULL');
    expect(claimed).toHaveLength(keys.length);
    const other = start();
    await other.said(/ready/);
    expect(runsOf(other)).toEqual([]);
    killed.kill('SIGKILL');
    expect(await allEnded()).toEqual(
      keys.map((key) => expect.objectContaining({ key, runs: 1, last_outcome: 'succeeded' })),
    );
    expect(runsOf(other).sort()).toEqual(keys.map((key) => `${key} 2`));
  });

  it('end when their payload kills it in each attempt, and the others that it had claimed are run', async () => {
    let last = start();
    await last.said(/ready/);
    const others = Array.from({ length: 6 }, (_, n) => `other ${n}`);
    await schedule([...others.slice(0, 4), 'kill', ...others.slice(4)]);
    const deaths: AppProcess[] = [];
    const ended = allEnded();
    while (await Promise.race([last.exit.then(() => true), ended.then(() => false)])) {
      deaths.push(last);
      await query(database.url, 'UPDATE schedules SET due_at = now() WHERE claimed_by IS NOT NULL');
      last = start();
    }
    expect(deaths.map((replica) => runsOf(replica).filter((run) => run.startsWith('kill')))).toEqual([
      ['kill 1'],
      ['kill 2'],
      ['kill 3'],
    ]);
    expect(await ended).toEqual([
      expect.objectContaining({ key: 'kill', last_outcome: 'lost' }),
      ...others.map((key) => expect.objectContaining({ key, runs: 1, last_outcome: 'succeeded' })),
    ]);
  });
});
