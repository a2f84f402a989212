import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { SystemClock } from '../../core/timing/clock.js';
import { type UpsertSummary } from './schedule.store.js';
import { PostgresScheduleStore } from './postgres-schedule.store.js';
import { ScheduleChanges } from './schedule-changes.js';
import { type ScheduleInput } from './schedule.js';
import { Schedules } from './schedules.service.js';

const ALL = 12_345;

describe('Schedules.upsertMany in PostgreSQL', () => {
  let database: ControlPlaneDatabase;
  let schedules: Schedules;
  let store: PostgresScheduleStore;
  /** How many were read from the source. */
  let read = 0;

  beforeAll(async () => {
    database = await openControlPlaneDatabase();
  });
  afterAll(() => database.close());
  beforeEach(async () => {
    await database.dataSource.query('TRUNCATE schedules');
    store = new PostgresScheduleStore(database.transactions);
    schedules = new Schedules(store, new ScheduleChanges(), new SystemClock());
    read = 0;
  });

  async function* inputs(more: Partial<ScheduleInput> = {}): AsyncGenerator<ScheduleInput> {
    for (let n = 0; n < ALL; n++) {
      read++;
      yield { handler: 'job', key: `key ${n}`, every: '1h', payload: { n }, ...more };
    }
  }
  const stored = async (): Promise<number> => {
    const [row] = await database.transactions.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM schedules',
    );
    return row!.n;
  };

  it('writes a thousand by each statement, reads no more than these ahead, and tells how far it is', async () => {
    const upsert = jest.spyOn(store, 'upsert');
    const told: [number, UpsertSummary][] = [];
    const ahead: number[] = [];
    const summary = await schedules.upsertMany(inputs(), {
      onProgress: (done, summary) => {
        told.push([done, { ...summary }]);
        ahead.push(read - done);
      },
    });
    expect(summary).toEqual({ created: ALL, changed: 0, unchanged: 0 });
    expect(upsert.mock.calls.map(([chunk]) => chunk.length)).toEqual([...Array(12).fill(1_000), 345]);
    expect(told[4]).toEqual([5_000, { created: 5_000, changed: 0, unchanged: 0 }]);
    expect(told.at(-1)).toEqual([ALL, summary]);
    expect(ahead).toEqual(Array(13).fill(0));
    expect(await stored()).toBe(ALL);
  });

  it('keeps what it has written when it is cancelled, reads no more, and writes the rest when it is called again', async () => {
    const abort = new AbortController();
    const cancelled = schedules.upsertMany(inputs(), {
      signal: abort.signal,
      onProgress: (done) => done === 7_000 && abort.abort(new Error('enough')),
    });
    await expect(cancelled).rejects.toThrow('enough');
    expect([await stored(), read]).toEqual([7_000, 7_001]);
    expect(await schedules.upsertMany(inputs())).toEqual({
      created: ALL - 7_000,
      changed: 0,
      unchanged: 7_000,
    });
  });

  it('writes all or nothing in a transaction of the caller’s', async () => {
    const abort = new AbortController();
    const cancelled = database.transactions.run(() =>
      schedules.upsertMany(inputs(), {
        manager: database.transactions.manager(),
        signal: abort.signal,
        onProgress: (done) => done === 7_000 && abort.abort(new Error('enough')),
      }),
    );
    await expect(cancelled).rejects.toThrow('enough');
    expect(await stored()).toBe(0);
  });

  it('keeps what it has written before one that cannot be, and names that one', async () => {
    async function* oneBad(): AsyncGenerator<ScheduleInput> {
      for await (const input of inputs())
        yield input.key === 'key 3456' ? { ...input, every: 'often' as '1h' } : input;
    }
    await expect(schedules.upsertMany(oneBad())).rejects.toThrow(/number 3457, .*'often' is not a duration/);
    expect(await stored()).toBe(3_000);
    const bad: number[] = [];
    const rest = await schedules.upsertMany(oneBad(), { onInvalid: (_error, index) => bad.push(index) });
    expect([rest, bad]).toEqual([{ created: ALL - 3_001, changed: 0, unchanged: 3_000 }, [3_456]]);
    expect(await stored()).toBe(ALL - 1);
  });
});
