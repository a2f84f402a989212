import { type MigrationInterface, type QueryRunner } from 'typeorm';

/**
 * Stored schedules. `due_at` is when somebody has to look at a row: when its run is planned, or while it is claimed the end of
 * the lease; null when nothing is to come. Tokens and revisions come from one sequence: one that a deleted row had never
 * comes again.
 *
 * A row is rewritten twice for each run: half of a page is left free, and dead rows are removed early, or the index of what is
 * due would be mostly of rows that are gone.
 */
export class Schedules1795705112811 implements MigrationInterface {
  name = 'Schedules1795705112811';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('CREATE SEQUENCE schedule_tokens');
    await queryRunner.query(`
      CREATE TABLE schedules (
        handler text COLLATE "C" NOT NULL,
        key text COLLATE "C" NOT NULL,
        timing text NOT NULL,
        payload text,
        group_name text COLLATE "C",
        created_at timestamptz(3) NOT NULL,
        changed_at timestamptz(3) NOT NULL,
        revision bigint NOT NULL,
        slot_at timestamptz(3),
        planned_at timestamptz(3),
        due_at timestamptz(3),
        attempt int NOT NULL DEFAULT 1,
        claims int NOT NULL DEFAULT 0,
        token bigint NOT NULL DEFAULT 0,
        claimed_by text COLLATE "C",
        triggered_at timestamptz(3),
        triggered_by text,
        paused_at timestamptz(3),
        ended_at timestamptz(3),
        turns bigint NOT NULL DEFAULT 0,
        runs bigint NOT NULL DEFAULT 0,
        failures bigint NOT NULL DEFAULT 0,
        missed bigint NOT NULL DEFAULT 0,
        consecutive_failures int NOT NULL DEFAULT 0,
        last_outcome text,
        last_run text,
        last_started_at timestamptz(3),
        last_ended_at timestamptz(3),
        last_error text,
        CONSTRAINT schedules_pkey PRIMARY KEY (handler, key)
      ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_limit = 2000)`);
    await queryRunner.query(
      'CREATE INDEX schedules_due ON schedules (handler, due_at) WHERE due_at IS NOT NULL',
    );
    await queryRunner.query(
      'CREATE INDEX schedules_ended ON schedules (ended_at) WHERE ended_at IS NOT NULL',
    );
    await queryRunner.query(`
      CREATE TABLE schedule_handlers (
        handler text COLLATE "C" NOT NULL CONSTRAINT schedule_handlers_pkey PRIMARY KEY,
        seen_at timestamptz(3) NOT NULL
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE schedule_handlers');
    await queryRunner.query('DROP TABLE schedules');
    await queryRunner.query('DROP SEQUENCE schedule_tokens');
  }
}
