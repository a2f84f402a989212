import { type MigrationInterface, type QueryRunner } from 'typeorm';

/** The first tables. Written by hand: TypeORM does not know `xid8`, and would note this database's own name. */
export class ControlPlane1795422531517 implements MigrationInterface {
  readonly name = 'ControlPlane1795422531517';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE tenants (
        id text COLLATE "C" NOT NULL CONSTRAINT tenants_pkey PRIMARY KEY,
        name text NOT NULL CONSTRAINT tenants_name_key UNIQUE,
        created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp()
      )`);
    await queryRunner.query(`CREATE INDEX tenants_created_at_id_idx ON tenants (created_at, id)`);

    await queryRunner.query(`
      CREATE TABLE datacenters (
        id text COLLATE "C" NOT NULL CONSTRAINT datacenters_pkey PRIMARY KEY,
        tenant_id text COLLATE "C" NOT NULL,
        name text NOT NULL,
        status text NOT NULL DEFAULT 'active'
          CONSTRAINT datacenters_status_check
          CHECK (status IN ('active', 'draining', 'maintenance', 'offline')),
        created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT datacenters_tenant_id_name_key UNIQUE (tenant_id, name)
      )`);
    await queryRunner.query(
      `CREATE INDEX datacenters_tenant_id_created_at_id_idx ON datacenters (tenant_id, created_at, id)`,
    );

    await queryRunner.query(`
      CREATE TABLE workloads (
        id text COLLATE "C" NOT NULL CONSTRAINT workloads_pkey PRIMARY KEY,
        tenant_id text COLLATE "C" NOT NULL,
        name text NOT NULL,
        datacenter_id text COLLATE "C",
        provider text NOT NULL,
        spec jsonb NOT NULL,
        labels jsonb NOT NULL DEFAULT '{}',
        replicas integer NOT NULL CONSTRAINT workloads_replicas_check CHECK (replicas >= 0),
        created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        updated_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT workloads_tenant_id_name_key UNIQUE (tenant_id, name)
      )`);
    await queryRunner.query(
      `CREATE INDEX workloads_tenant_id_created_at_id_idx ON workloads (tenant_id, created_at, id)`,
    );

    await queryRunner.query(`
      CREATE TABLE instances (
        id text COLLATE "C" NOT NULL CONSTRAINT instances_pkey PRIMARY KEY,
        tenant_id text COLLATE "C" NOT NULL,
        workload_id text COLLATE "C" GENERATED ALWAYS AS (labels ->> 'ctrlplane.workload') STORED,
        name text NOT NULL,
        provider text NOT NULL,
        state text NOT NULL DEFAULT 'provisioning'
          CONSTRAINT instances_state_check
          CHECK (state IN ('provisioning', 'running', 'stopped', 'failed', 'destroying')),
        labels jsonb NOT NULL DEFAULT '{}',
        spec jsonb NOT NULL,
        endpoints jsonb NOT NULL DEFAULT '[]',
        ref text,
        last_error text,
        created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        updated_at timestamptz(3) NOT NULL DEFAULT clock_timestamp()
      )`);
    await queryRunner.query(
      `CREATE INDEX instances_tenant_id_created_at_id_workload_id_idx
        ON instances (tenant_id, created_at, id, workload_id)`,
    );
    await queryRunner.query(`CREATE INDEX instances_workload_id_idx ON instances (workload_id)`);
    // PostgreSQL rewrites the expression of a generated column; TypeORM compares with the one noted here.
    await queryRunner.query(
      `
      INSERT INTO typeorm_metadata ("database", "schema", "table", "type", "name", "value")
      VALUES (current_database(), current_schema(), 'instances', 'GENERATED_COLUMN', 'workload_id',
              $1)`,
      [`labels ->> 'ctrlplane.workload'`],
    );

    await queryRunner.query(`
      CREATE TABLE events (
        id text COLLATE "C" NOT NULL CONSTRAINT events_pkey PRIMARY KEY,
        seq bigserial NOT NULL CONSTRAINT events_seq_key UNIQUE,
        xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
        type text NOT NULL,
        tenant_id text COLLATE "C",
        payload jsonb NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp()
      )`);
    await queryRunner.query(`CREATE INDEX events_xact_seq_idx ON events (xact, seq)`);
    await queryRunner.query(`CREATE INDEX events_type_seq_idx ON events (type, seq)`);
    await queryRunner.query(`CREATE INDEX events_tenant_id_seq_idx ON events (tenant_id, seq)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE events, instances, workloads, datacenters, tenants`);
    await queryRunner.query(`
      DELETE FROM typeorm_metadata WHERE "type" = 'GENERATED_COLUMN' AND "table" = 'instances'`);
  }
}
