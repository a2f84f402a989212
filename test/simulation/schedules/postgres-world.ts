import pg from 'pg';
import { PostgresModel, SIMULATED_CLOCK } from './models.js';
import { type Result, simulateSchedules } from './simulation.js';

/**
 * The worlds of the simulation on a real PostgreSQL: its statements, locks and types, in the time of the simulation.
 * @param url of a database with the tables of schedules
 */
export async function onPostgres(url: string): Promise<{
  simulate(seed: number, options: { trace: boolean }): Promise<Result>;
  close(): Promise<void>;
}> {
  const client = new pg.Client({
    connectionString: url,
    options: '-c search_path=simulated,public,pg_catalog',
  });
  await client.connect();
  await client.query(SIMULATED_CLOCK);
  return {
    async simulate(seed, { trace }) {
      await client.query('TRUNCATE schedules, schedule_handlers');
      return simulateSchedules(seed, { trace, model: (clock) => new PostgresModel(client, clock) });
    },
    close: () => client.end(),
  };
}
