import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { startWorkers } from '../../../test/support/workers.js';
import { ManualClock } from '../testing/manual-clock.js';
import { type Duration } from '../timing/duration.js';
import { type Worker } from '../worker/worker.js';
import { PostgresRunStore } from './postgres-run.store.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Tells when the scheduler has heard what was missed while nothing ran. */
class WatchedStore extends PostgresRunStore {
  answered?: Promise<unknown>;

  override lastSlots(...asked: Parameters<PostgresRunStore['lastSlots']>): Promise<Map<string, Date>> {
    const answer = super.lastSlots(...asked);
    this.answered = answer;
    return answer;
  }
}

describe('an application with its history on Postgres', () => {
  let database: TestDatabase;
  let pool: pg.Pool;
  const clock = new ManualClock();

  beforeAll(async () => {
    database = await createTestDatabase();
    pool = new pg.Pool({ connectionString: database.url, max: 2 });
    // `end` does not wait for the last words of its connections, which the end of the database may be.
    pool.on('error', () => {});
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  /** Starts it, closes it after that time, and has it down up to the start of an hour. */
  async function runFor(time: Duration, workers: Worker[]): Promise<void> {
    const store = new WatchedStore({ pool });
    const { close } = await startWorkers(workers, { history: store, retention: false }, clock);
    await store.answered;
    await clock.advance(time);
    await close();
    await clock.advance(HOUR - (clock.now() % HOUR));
  }

  it('that is restarted every hour runs daily workers once a day, also those whose time falls into a restart', async () => {
    const slots: Record<string, number[]> = {};
    const daily = (name: string, interval: Worker['interval'], record?: Worker['record']): Worker => ({
      name,
      interval,
      ...(record && { record }),
      run: ({ slot }) => void (slots[name] ??= []).push(slot!.getTime()),
    });
    const workers = [
      daily('interval', '1d'),
      daily('while up', { cron: '30 1 * * *', timeZone: 'UTC' }),
      daily('while down', { cron: '57 0 * * *', timeZone: 'UTC' }),
      daily('while down, not kept', { cron: '57 0 * * *', timeZone: 'UTC' }, 'failures'),
    ];
    // Three days, and the start that follows the last of their hours.
    const hours = 3 * 24 + 1;
    for (let hour = 0; hour < hours; hour++) await runFor('55m', workers);

    for (const { name } of workers) {
      const [first, ...others] = slots[name]!;
      expect(others).toEqual([1, 2].map((day) => first! + day * DAY));
    }
    expect((await pool.query('SELECT FROM workers.runs WHERE worker LIKE $1', ['%not kept'])).rowCount).toBe(
      0,
    );
    const { rows } = await pool.query(
      'SELECT trigger, count(*)::int AS runs FROM workers.runs WHERE worker = $1 GROUP BY 1 ORDER BY 1',
      ['while down'],
    );
    expect(rows).toEqual([{ trigger: 'catch_up', runs: 3 }]);
  }, 120_000);

  it('that is deployed with another time for a daily worker does not run it for one that has passed', async () => {
    const runs: string[] = [];
    const at = (hour: number): Worker[] => [
      {
        name: 'edited',
        interval: { cron: `0 ${hour} * * *`, timeZone: 'UTC' },
        run: ({ trigger, slot }) => void runs.push(`${trigger} ${slot!.getUTCHours()}`),
      },
    ];
    const untilHour = async (hour: number) =>
      clock.advance(((hour + 24 - new Date(clock.now()).getUTCHours()) % 24 || 24) * HOUR);
    await untilHour(10);
    await runFor('55m', at(14));
    // A deploy at 11: 9 has passed, but it was not to be then.
    await runFor('55m', at(9));
    expect(runs).toEqual([]);
    // One that is missed under the schedule that holds is caught up.
    await untilHour(9);
    await clock.advance('30m');
    await runFor('55m', at(9));
    expect(runs).toEqual(['catch_up 9']);
  });

  it('that is closed twice at the same time is closed once', async () => {
    const store = new PostgresRunStore({ connectionString: database.url });
    const workers = await startWorkers([], { history: store, retention: false }, clock);
    await Promise.all([workers.close(), workers.close()]);
    expect(workers.logs).toEqual([]);
  });
});
