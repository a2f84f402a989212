import { type MigrationInterface, type QueryRunner } from 'typeorm';

const TABLES = ['tenants', 'workloads', 'instances'];

/**
 * What was deleted, so that rows that are lost can be told from rows that were removed.
 *
 * By triggers, for what is deleted by hand is deleted as well: a DELETE that leaves its tenant at least as many rows as it
 * takes says which ones it means. One that takes more, TRUNCATE, a changed id and a restored backup say nothing, and
 * nothing is recorded. What was marked as on its way out before always is.
 */
export class RecordedDeletions1795664964465 implements MigrationInterface {
  readonly name = 'RecordedDeletions1795664964465';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE deletions (
        id text COLLATE "C" NOT NULL CONSTRAINT deletions_pkey PRIMARY KEY,
        tenant_id text COLLATE "C" NOT NULL,
        deleted_at timestamptz(3) NOT NULL DEFAULT clock_timestamp()
      )`);
    await queryRunner.query(`CREATE INDEX deletions_deleted_at_idx ON deletions (deleted_at)`);
    await queryRunner.query(`CREATE INDEX deletions_tenants_idx ON deletions (id) WHERE id = tenant_id`);
    for (const [table, leaving] of [
      ['workloads', 'deletion_reason IS NOT NULL'],
      ['instances', `state = 'destroying'`],
    ] as const) {
      await queryRunner.query(`
        CREATE FUNCTION ${table}_record_deletions() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          WITH taken AS MATERIALIZED (
            SELECT tenant_id, count(*) AS n FROM gone WHERE NOT (${leaving}) GROUP BY tenant_id
          ), spared AS MATERIALIZED (
            SELECT tenant_id FROM taken
            WHERE (SELECT count(*) FROM (
              SELECT FROM ${table} t WHERE t.tenant_id = taken.tenant_id LIMIT taken.n) AS rest) >= taken.n
          )
          INSERT INTO deletions (id, tenant_id)
          SELECT id, tenant_id FROM gone WHERE ${leaving} OR tenant_id IN (SELECT tenant_id FROM spared)
          ON CONFLICT (id) DO UPDATE SET deleted_at = excluded.deleted_at;
          RETURN NULL;
        END $$`);
      await queryRunner.query(`
        CREATE TRIGGER ${table}_record_deletions AFTER DELETE ON ${table}
        REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION ${table}_record_deletions()`);
    }
    await queryRunner.query(`
      CREATE FUNCTION tenants_record_deletions() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO deletions (id, tenant_id) SELECT id, id FROM gone
        ON CONFLICT (id) DO UPDATE SET deleted_at = excluded.deleted_at;
        RETURN NULL;
      END $$`);
    await queryRunner.query(`
      CREATE TRIGGER tenants_record_deletions AFTER DELETE ON tenants
      REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION tenants_record_deletions()`);
    // One that is back, as from a backup, may be lost later.
    await queryRunner.query(`
      CREATE FUNCTION forget_deletions() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        DELETE FROM deletions d USING made WHERE d.id = made.id;
        RETURN NULL;
      END $$`);
    for (const table of TABLES)
      await queryRunner.query(`
        CREATE TRIGGER ${table}_forget_deletions AFTER INSERT ON ${table}
        REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION forget_deletions()`);
    // What stores hold without a row, for as long as it is seen there.
    await queryRunner.query(`
      CREATE TABLE rowless_instances (
        store text COLLATE "C" NOT NULL,
        instance_id text COLLATE "C" NOT NULL,
        tenant_id text COLLATE "C" NOT NULL,
        workload_id text COLLATE "C" NOT NULL,
        seen_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT rowless_instances_pkey PRIMARY KEY (tenant_id, store, instance_id)
      )`);
    await queryRunner.query(`
      ALTER TABLE gc_brakes DROP CONSTRAINT gc_brakes_cause_check, ADD CONSTRAINT gc_brakes_cause_check
        CHECK (cause IN ('tenant', 'all_tenants', 'no_workloads', 'lost_workloads', 'lost_tenant', 'lost_rows', 'unknown_tenant'))`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const table of TABLES) {
      await queryRunner.query(`DROP TRIGGER ${table}_forget_deletions ON ${table}`);
      await queryRunner.query(`DROP TRIGGER ${table}_record_deletions ON ${table}`);
      await queryRunner.query(`DROP FUNCTION ${table}_record_deletions`);
    }
    await queryRunner.query(`DROP FUNCTION forget_deletions`);
    await queryRunner.query(`DROP TABLE rowless_instances, deletions`);
    await queryRunner.query(`
      UPDATE gc_brakes SET cause = 'tenant'
      WHERE cause IN ('lost_workloads', 'lost_tenant', 'lost_rows', 'unknown_tenant')`);
    await queryRunner.query(`
      ALTER TABLE gc_brakes DROP CONSTRAINT gc_brakes_cause_check, ADD CONSTRAINT gc_brakes_cause_check
        CHECK (cause IN ('tenant', 'all_tenants', 'no_workloads'))`);
  }
}
