import { type MigrationInterface, type QueryRunner } from 'typeorm';

/** Health checks, when each is due, what they found, and when that has no consequences. */
export class HealthChecks1795644663986 implements MigrationInterface {
  readonly name = 'HealthChecks1795644663986';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE health_checks (
        id text COLLATE "C" NOT NULL CONSTRAINT health_checks_pkey PRIMARY KEY,
        tenant_id text COLLATE "C" NOT NULL,
        instance_id text COLLATE "C",
        name text NOT NULL,
        probe jsonb NOT NULL,
        interval_ms integer NOT NULL,
        timeout_ms integer NOT NULL,
        failure_threshold integer NOT NULL,
        success_threshold integer NOT NULL,
        initial_delay_ms integer NOT NULL,
        startup_grace_ms integer NOT NULL,
        on_unhealthy text NOT NULL,
        max_restarts_per_hour integer NOT NULL,
        enabled boolean NOT NULL,
        revision integer NOT NULL DEFAULT 1,
        created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        updated_at timestamptz(3) NOT NULL DEFAULT clock_timestamp()
      )`);
    await queryRunner.query(`
      CREATE UNIQUE INDEX health_checks_name_key ON health_checks (tenant_id, coalesce(instance_id, ''), name)`);
    await queryRunner.query(
      `CREATE INDEX health_checks_tenant_id_created_at_id_idx ON health_checks (tenant_id, created_at, id)`,
    );
    await queryRunner.query(`
      CREATE INDEX health_checks_instance_id_idx ON health_checks (instance_id) WHERE instance_id IS NOT NULL`);

    // Apart from the check: this row is written at every turn, and a write copies the whole row. Room on each page and
    // an early vacuum, as each write leaves a dead row and a dead entry at the front of the index.
    await queryRunner.query(`
      CREATE TABLE health_check_turns (
        check_id text COLLATE "C" NOT NULL CONSTRAINT health_check_turns_pkey PRIMARY KEY
          CONSTRAINT health_check_turns_check_id_fkey REFERENCES health_checks ON DELETE CASCADE,
        due_at timestamptz(3) NOT NULL,
        interval_ms integer NOT NULL,
        lease_ms integer NOT NULL,
        enabled boolean NOT NULL,
        revision integer NOT NULL,
        version integer NOT NULL DEFAULT 0,
        state jsonb,
        pushed_at timestamptz(3),
        push_outcome text,
        push_message text
      ) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0)`);
    await queryRunner.query(`
      CREATE INDEX health_check_turns_due_at_idx ON health_check_turns (due_at) WHERE enabled`);

    await queryRunner.query(`
      CREATE TABLE health_results (
        check_id text COLLATE "C" NOT NULL,
        due_at timestamptz(3) NOT NULL,
        started_at timestamptz(3) NOT NULL,
        outcome smallint NOT NULL,
        maintenance boolean NOT NULL,
        duration_ms real NOT NULL,
        lookup_ms real,
        connect_ms real,
        tls_ms real,
        first_byte_ms real,
        body_ms real,
        message text,
        CONSTRAINT health_results_pkey PRIMARY KEY (check_id, due_at)
      ) PARTITION BY RANGE (due_at)`);
    for (const table of ['health_minutes', 'health_hours']) {
      await queryRunner.query(`
        CREATE TABLE ${table} (
          check_id text COLLATE "C" NOT NULL,
          start timestamptz(3) NOT NULL,
          success integer NOT NULL,
          degraded integer NOT NULL,
          failure integer NOT NULL,
          unknown integer NOT NULL,
          maintenance integer NOT NULL,
          buckets smallint[] NOT NULL,
          counts integer[] NOT NULL,
          CONSTRAINT ${table}_pkey PRIMARY KEY (check_id, start)
        ) PARTITION BY RANGE (start)`);
    }

    await queryRunner.query(`
      CREATE TABLE health_maintenance (
        id text COLLATE "C" NOT NULL CONSTRAINT health_maintenance_pkey PRIMARY KEY,
        tenant_id text COLLATE "C" NOT NULL,
        instance_id text COLLATE "C",
        check_id text COLLATE "C",
        times jsonb NOT NULL,
        reason text NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp()
      )`);
    await queryRunner.query(`
      CREATE INDEX health_maintenance_tenant_id_created_at_id_idx ON health_maintenance (tenant_id, created_at, id)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      DROP TABLE health_maintenance, health_hours, health_minutes, health_results, health_check_turns, health_checks`);
  }
}
