import assert from 'node:assert/strict';
import { type INestApplicationContext } from '@nestjs/common';
import { Scheduler } from 'ctrlplane-workers';
import { DataSource } from 'typeorm';
import { timed } from '../harness/rounds.js';
import { type DryRunLog } from './dry-run-log.js';

/**
 * The fastest plan that PostgreSQL finds for the question itself: a parallel hash join over both tables. It
 * reads the workload's id from its column; from the label it takes about twice as long.
 */
const ANTI_JOIN = `
SELECT i.id FROM instances i
WHERE i.workload_id IS NOT NULL AND NOT EXISTS (SELECT FROM workloads w WHERE w.id = i.workload_id)`;

/** The same answer, by the ids that occur, of which there are ten times fewer. */
const BY_DISTINCT_IDS = `
SELECT i.id FROM instances i JOIN (
  SELECT workload_id FROM (SELECT DISTINCT workload_id FROM instances WHERE workload_id IS NOT NULL) named
  WHERE NOT EXISTS (SELECT FROM workloads w WHERE w.id = named.workload_id)
) vanished USING (workload_id)`;

/** What is measured, on the database and through the connections of that application. Each resolves with milliseconds. */
export class Subjects {
  private readonly dataSource: DataSource;
  private readonly scheduler: Scheduler;
  private orphans = new Set<string>();
  private sample: string[] = [];

  constructor(
    app: INestApplicationContext,
    private readonly log: DryRunLog,
    private readonly ticks: number,
  ) {
    this.dataSource = app.get(DataSource);
    this.scheduler = app.get(Scheduler);
  }

  /** Finds out what every sweep has to find, and takes the oldest instances of the first tenants to look up. */
  async prepare({ orphans, sample }: { orphans: number; sample: number }): Promise<void> {
    this.orphans = new Set(await this.ids(ANTI_JOIN));
    assert.equal(this.orphans.size, orphans, 'orphans in the tables');
    this.sample = await this.ids(
      `SELECT workload_id AS id FROM instances ORDER BY tenant_id, created_at, id LIMIT ${sample}`,
    );
  }

  /** As many ticks as it takes for each row to be visited, through scheduler, run and worker. */
  sweep = async (): Promise<number> => {
    const took = await timed(async () => {
      for (let tick = 0; tick < this.ticks; tick++) {
        const { ended } = await this.scheduler.trigger('gc');
        const { outcome, error } = await ended;
        assert.equal(outcome, 'succeeded', error?.message);
      }
    });
    this.check('sweep', this.log.take());
    const [left] = await this.dataSource.query<{ count: number }[]>(
      'SELECT count(*)::int AS count FROM gc_positions',
    );
    assert.equal(left!.count, 0, `tenants that ${this.ticks} ticks did not get through with`);
    return took;
  };

  antiJoin = (): Promise<number> => this.raw('anti-join', ANTI_JOIN);

  byDistinctIds = (): Promise<number> => this.raw('distinct ids', BY_DISTINCT_IDS);

  /** Asks for the workload of one instance after the other. */
  lookUps = (): Promise<number> =>
    timed(async () => {
      for (const workloadId of this.sample)
        await this.dataSource.query('SELECT id FROM workloads WHERE id = $1', [workloadId]);
    });

  private async raw(what: string, statement: string): Promise<number> {
    let found: string[] = [];
    const took = await timed(async () => (found = await this.ids(statement)));
    this.check(what, found);
    return took;
  }

  private check(what: string, found: string[]): void {
    assert.equal(found.length, this.orphans.size, `orphans found by the ${what}`);
    assert.ok(
      found.every((id) => this.orphans.has(id)),
      `the ${what} found instances that are no orphans`,
    );
  }

  private async ids(statement: string): Promise<string[]> {
    const rows = await this.dataSource.query<{ id: string }[]>(statement);
    return rows.map(({ id }) => id);
  }
}
