import { type MigrationInterface, type QueryRunner } from 'typeorm';

/** Brakes of the garbage collector, and the instances that each holds back. Only its own statements touch them. */
export class GarbageCollectorBrakes1795641935950 implements MigrationInterface {
  readonly name = 'GarbageCollectorBrakes1795641935950';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE gc_brakes (
        tenant_id text COLLATE "C" NOT NULL CONSTRAINT gc_brakes_pkey PRIMARY KEY,
        state text NOT NULL DEFAULT 'engaged'
          CONSTRAINT gc_brakes_state_check CHECK (state IN ('engaged', 'refused', 'confirmed')),
        cause text NOT NULL
          CONSTRAINT gc_brakes_cause_check CHECK (cause IN ('tenant', 'all_tenants', 'no_workloads')),
        set_digest text COLLATE "C" NOT NULL DEFAULT '',
        orphans integer NOT NULL DEFAULT 0,
        examined integer NOT NULL DEFAULT 0,
        engaged_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        seen_since timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        last_seen_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        decided_by text
      )`);
    // The workload belongs to the key: an instance under another label is another member of the set.
    await queryRunner.query(`
      CREATE TABLE gc_braked_instances (
        tenant_id text COLLATE "C" NOT NULL
          CONSTRAINT gc_braked_instances_tenant_id_fkey REFERENCES gc_brakes ON DELETE CASCADE,
        instance_id text COLLATE "C" NOT NULL,
        workload_id text COLLATE "C" NOT NULL,
        CONSTRAINT gc_braked_instances_pkey PRIMARY KEY (tenant_id, instance_id, workload_id)
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE gc_braked_instances, gc_brakes`);
  }
}
