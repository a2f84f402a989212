import { type MigrationInterface, type QueryRunner } from 'typeorm';

/** Lists of what is in trouble: instances that have drifted, checks that are not well, certificates by their expiry. */
export class TroubleIndexes1795692000000 implements MigrationInterface {
  readonly name = 'TroubleIndexes1795692000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE INDEX instances_unsettled_idx ON instances (id)
      WHERE state <> desired_state OR reason IS NOT NULL OR requested_at IS NOT NULL OR restart_requested OR attempts > 0`);
    await queryRunner.query(`
      CREATE INDEX health_check_turns_unwell_idx ON health_check_turns (check_id)
      WHERE enabled AND state ->> 'status' IN ('degraded', 'unhealthy', 'unknown')`);
    await queryRunner.query(`
      CREATE INDEX certificates_expiry_idx ON certificates (coalesce(not_after, 'epoch'), id)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      `DROP INDEX instances_unsettled_idx, health_check_turns_unwell_idx, certificates_expiry_idx`,
    );
  }
}
