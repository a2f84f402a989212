import { type MigrationInterface, type QueryRunner } from 'typeorm';

/** What an instance is to be, where it is kept, and how often it was tried. */
export class DesiredInstances1795642746278 implements MigrationInterface {
  readonly name = 'DesiredInstances1795642746278';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE instances
        ADD provider_store text COLLATE "C",
        ADD state_since timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        ADD desired_state text NOT NULL DEFAULT 'running'
          CONSTRAINT instances_desired_state_check CHECK (desired_state IN ('running', 'stopped')),
        ADD spec_hash text,
        ADD reason text,
        ADD exit_code integer,
        ADD log_tail text,
        ADD attempts integer NOT NULL DEFAULT 0,
        ADD next_attempt_at timestamptz(3),
        ADD requested_at timestamptz(3),
        ADD restart_requested boolean NOT NULL DEFAULT false,
        ADD deletion_reason text`);
    await queryRunner.query(`CREATE INDEX instances_provider_store_id_idx ON instances (provider_store, id)`);
    await queryRunner.query(
      `CREATE INDEX instances_requested_at_idx ON instances (requested_at) WHERE requested_at IS NOT NULL`,
    );
    // What was stopped, or on its way out, is to stay so.
    await queryRunner.query(`UPDATE instances SET desired_state = 'stopped' WHERE state = 'stopped'`);
    await queryRunner.query(`UPDATE instances SET requested_at = updated_at WHERE state = 'destroying'`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE instances
        DROP provider_store, DROP state_since, DROP desired_state, DROP spec_hash, DROP reason, DROP exit_code,
        DROP log_tail, DROP attempts, DROP next_attempt_at, DROP requested_at, DROP restart_requested,
        DROP deletion_reason`);
  }
}
