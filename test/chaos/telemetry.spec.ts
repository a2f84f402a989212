import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { newId } from '../../src/modules/ids/typed-id.js';
import { AppProcess } from '../support/app-process.js';
import { builtCheckout } from '../support/app-workbench.js';
import { createControlPlaneDatabase } from '../support/control-plane-database.js';
import { eventually } from '../support/eventually.js';

const INTERVAL = 500;

describe('replicas that collect telemetry', () => {
  const tenantId = newId('tenant');
  const instanceIds = Array.from({ length: 300 }, () => newId('instance'));
  const replicas: AppProcess[] = [];
  let database: { url: string; drop(): Promise<void> };
  let client: pg.Client;

  beforeEach(async () => {
    database = await createControlPlaneDatabase();
    client = new pg.Client(database.url);
    await client.connect();
  });
  afterEach(async () => {
    for (const replica of replicas.splice(0)) await replica.destroy();
    await client.end();
    await database.drop();
  });

  async function start({ keep = false } = {}): Promise<AppProcess> {
    const REPLICA = JSON.stringify({ url: database.url, tenantId, instanceIds, interval: INTERVAL, keep });
    const replica = new AppProcess({
      command: [process.execPath, 'test/apps/telemetry.mjs'],
      cwd: builtCheckout(),
      env: { PATH: process.env.PATH, NO_COLOR: '1', REPLICA },
    });
    replicas.push(replica);
    await replica.said(/ready/);
    return replica;
  }
  const number = async (sql: string): Promise<number> => {
    const { rows } = await client.query<{ number: number }>(`SELECT (${sql})::int AS number`);
    return rows[0]!.number;
  };
  const stored = () => number('SELECT count(*) FROM resource_snapshots');

  it('take no reading twice: each slot is read once, by one of them', async () => {
    const both = [await start(), await start()];
    await eventually(async () => (await stored()) >= 20 * instanceIds.length, 60_000);
    for (const replica of both) replica.kill('SIGTERM');
    for (const replica of both) expect(await replica.exit).toEqual({ code: 0, signal: null });
    const readings = await stored();
    const slots = await number(
      `SELECT count(DISTINCT slot) FROM workers.runs WHERE worker = 'telemetry_collector' AND outcome = 'succeeded'`,
    );
    expect(readings).toBe(slots * instanceIds.length);
    expect(await number('SELECT count(*) FROM (SELECT DISTINCT source_id, at FROM resource_snapshots) AS all_readings')).toBe(readings);
  }, 240_000); // prettier-ignore

  it('are killed while they write: only what was not stored is lost, and another one says how much', async () => {
    const killed = await start();
    await eventually(async () => (await stored()) >= 2 * instanceIds.length, 60_000);
    // From here on nothing is stored, and the readings of some ticks wait.
    const blocker = new pg.Client(database.url);
    await blocker.connect();
    try {
      await blocker.query('BEGIN');
      await blocker.query('LOCK TABLE resource_snapshots IN EXCLUSIVE MODE');
      const before = await stored();
      await eventually(
        async () => (await number('SELECT max(taken - stored) FROM telemetry_writers')) >= instanceIds.length,
        60_000,
      );
      killed.kill('SIGKILL');
      await killed.exit;
      const taken = await number('SELECT sum(taken) FROM telemetry_writers');
      await blocker.query('ROLLBACK');
      expect(await stored()).toBe(before);

      // As if it had been silent for as long as a process that is gone.
      await client.query(`UPDATE telemetry_writers SET suspected_at = clock_timestamp() - interval '1 minute'`);
      const other = await start({ keep: true });
      const lost = taken - before;
      await other.said(new RegExp(`${lost} readings and 0 samples`));
      const told = async () =>
        (await client.query<object>(`SELECT payload FROM events WHERE type = 'telemetry.points_lost'`)).rows;
      await eventually(async () => (await told()).length > 0, 60_000);
      expect(await told()).toEqual([{ payload: { writer: expect.any(String), readings: lost, samples: 0 } }]);
    } finally {
      await blocker.end();
    }
  }, 240_000); // prettier-ignore
});
