import { afterAll, beforeAll, describe, it } from '@jest/globals';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { ManualClock } from '../../core/testing/manual-clock.js';
import { InMemoryScheduleStore } from './in-memory-schedule.store.js';
import { PostgresScheduleStore } from './postgres-schedule.store.js';
import { scheduleStoreContract } from './schedule.store.contract.js';

describe('PostgresScheduleStore', () => {
  let database: ControlPlaneDatabase;
  beforeAll(async () => {
    database = await openControlPlaneDatabase();
  });
  afterAll(() => database.close());

  const setup = async () => {
    await database.dataSource.query('TRUNCATE schedules, schedule_handlers');
    return {
      store: new PostgresScheduleStore(database.transactions),
      // The database's clock is not moved: its instants are.
      pass: async (ms: number) => {
        await database.dataSource.query(
          `UPDATE schedules SET due_at = due_at - $1 * interval '1 ms', ended_at = ended_at - $1 * interval '1 ms'`,
          [ms],
        );
      },
    };
  };
  for (const { name, run } of scheduleStoreContract(setup)) it(name, run);
});

describe('InMemoryScheduleStore', () => {
  const setup = () => {
    const clock = new ManualClock();
    return { store: new InMemoryScheduleStore(clock), pass: (ms: number) => clock.advance(ms) };
  };
  for (const { name, run } of scheduleStoreContract(setup)) it(name, run);
});
