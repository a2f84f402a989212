import { type MigrationInterface, type QueryRunner } from 'typeorm';

/** How workloads are kept and changed, and which stores there are. */
export class Reconciler1795644144775 implements MigrationInterface {
  readonly name = 'Reconciler1795644144775';

  async up(queryRunner: QueryRunner): Promise<void> {
    // Only statements of the reconciler touch it.
    await queryRunner.query(`
      CREATE TABLE provider_stores (
        id text COLLATE "C" NOT NULL CONSTRAINT provider_stores_pkey PRIMARY KEY,
        provider text NOT NULL,
        holder text NOT NULL,
        held_until timestamptz(3) NOT NULL,
        seen_at timestamptz(3) NOT NULL
      )`);
    await queryRunner.query(`
      ALTER TABLE workloads
        ADD spec_hash text,
        ADD drift_policy text NOT NULL DEFAULT 'restart'
          CONSTRAINT workloads_drift_policy_check CHECK (drift_policy IN ('restart', 'mark', 'ignore')),
        ADD rollout jsonb NOT NULL DEFAULT '{}',
        ADD paused boolean NOT NULL DEFAULT false,
        ADD deletion_reason text,
        ADD conditions jsonb NOT NULL DEFAULT '[]'`);
    await queryRunner.query(`
      CREATE TABLE deployments (
        id text COLLATE "C" NOT NULL CONSTRAINT deployments_pkey PRIMARY KEY,
        tenant_id text COLLATE "C" NOT NULL,
        workload_id text COLLATE "C" NOT NULL,
        spec jsonb NOT NULL,
        spec_hash text NOT NULL,
        previous_spec jsonb NOT NULL,
        state text NOT NULL DEFAULT 'rolling'
          CONSTRAINT deployments_state_check
          CHECK (state IN ('rolling', 'succeeded', 'failed', 'superseded')),
        reason text,
        progress integer NOT NULL DEFAULT 0,
        progressed_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        ended_at timestamptz(3),
        created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp()
      )`);
    // No foreign key: it would keep workloads from being emptied by hand, which the control plane survives.
    await queryRunner.query(`
      CREATE FUNCTION workloads_forget_deployments() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        DELETE FROM deployments WHERE workload_id = OLD.id;
        RETURN NULL;
      END $$`);
    await queryRunner.query(`
      CREATE TRIGGER workloads_forget_deployments AFTER DELETE ON workloads
      FOR EACH ROW EXECUTE FUNCTION workloads_forget_deployments()`);
    await queryRunner.query(
      `CREATE INDEX deployments_workload_id_created_at_id_idx ON deployments (workload_id, created_at, id)`,
    );
    await queryRunner.query(
      `CREATE UNIQUE INDEX deployments_rolling_key ON deployments (workload_id) WHERE state = 'rolling'`,
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TRIGGER workloads_forget_deployments ON workloads`);
    await queryRunner.query(`DROP FUNCTION workloads_forget_deployments`);
    await queryRunner.query(`DROP TABLE deployments, provider_stores`);
    await queryRunner.query(`
      ALTER TABLE workloads
        DROP spec_hash, DROP drift_policy, DROP rollout, DROP paused, DROP deletion_reason, DROP conditions`);
  }
}
