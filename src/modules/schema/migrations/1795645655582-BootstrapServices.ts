import { type MigrationInterface, type QueryRunner } from 'typeorm';

/** The platform's own services on each datacenter. Only `bootstrap/` touches the two tables. */
export class BootstrapServices1795645655582 implements MigrationInterface {
  readonly name = 'BootstrapServices1795645655582';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE datacenters ADD bootstrap jsonb NOT NULL DEFAULT '[]'`);
    await queryRunner.query(`
      CREATE TABLE bootstrap_services (
        id text COLLATE "C" NOT NULL CONSTRAINT bootstrap_services_pkey PRIMARY KEY,
        tenant_id text COLLATE "C" NOT NULL,
        datacenter_id text COLLATE "C" NOT NULL,
        name text NOT NULL,
        origin text NOT NULL,
        spec jsonb NOT NULL,
        spec_hash text NOT NULL,
        installed_hash text,
        state text NOT NULL DEFAULT 'pending'
          CONSTRAINT bootstrap_services_state_check
          CHECK (state IN ('pending', 'provisioning', 'running', 'failed', 'retiring', 'retired')),
        attempts integer NOT NULL DEFAULT 0,
        next_attempt_at timestamptz(3),
        last_error text,
        created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        updated_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT bootstrap_services_datacenter_id_name_key UNIQUE (datacenter_id, name)
      )`);
    await queryRunner.query(`
      CREATE TABLE bootstrap_contributions (
        datacenter_id text COLLATE "C" NOT NULL,
        hook text NOT NULL,
        specs jsonb NOT NULL,
        error text,
        CONSTRAINT bootstrap_contributions_pkey PRIMARY KEY (datacenter_id, hook)
      )`);
    // No foreign keys: they would keep tables from being emptied by hand, which the control plane survives.
    await queryRunner.query(`
      CREATE FUNCTION datacenters_forget_bootstrap() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        DELETE FROM bootstrap_services WHERE datacenter_id = OLD.id;
        DELETE FROM bootstrap_contributions WHERE datacenter_id = OLD.id;
        RETURN NULL;
      END $$`);
    await queryRunner.query(`
      CREATE TRIGGER datacenters_forget_bootstrap AFTER DELETE ON datacenters
      FOR EACH ROW EXECUTE FUNCTION datacenters_forget_bootstrap()`);
    await queryRunner.query(`
      CREATE INDEX instances_bootstrap_idx ON instances ((labels ->> 'ctrlplane.bootstrap'))
      WHERE labels ->> 'ctrlplane.bootstrap' IS NOT NULL`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP INDEX instances_bootstrap_idx`);
    await queryRunner.query(`DROP TRIGGER datacenters_forget_bootstrap ON datacenters`);
    await queryRunner.query(`DROP FUNCTION datacenters_forget_bootstrap`);
    await queryRunner.query(`DROP TABLE bootstrap_contributions, bootstrap_services`);
    await queryRunner.query(`ALTER TABLE datacenters DROP bootstrap`);
  }
}
