import { type MigrationInterface, type QueryRunner } from 'typeorm';

/**
 * What each process has taken and stored, so that it can be said how much was lost when one was killed; and until when the
 * minutes are in the order of their series.
 */
export class TelemetryAccounts1795654288598 implements MigrationInterface {
  readonly name = 'TelemetryAccounts1795654288598';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE telemetry_writers (
        writer text NOT NULL,
        raw text NOT NULL,
        taken bigint NOT NULL,
        stored bigint NOT NULL,
        dropped bigint NOT NULL,
        seen_at timestamptz NOT NULL,
        suspected_at timestamptz,
        CONSTRAINT telemetry_writers_pkey PRIMARY KEY (writer, raw)
      ) WITH (fillfactor = 50)`);
    await queryRunner.query(`ALTER TABLE telemetry_rollups ADD COLUMN ordered_until timestamptz`);
    await queryRunner.query(`UPDATE telemetry_rollups SET ordered_until = hours_until`);
    await queryRunner.query(`ALTER TABLE telemetry_rollups ALTER COLUMN ordered_until SET NOT NULL`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE telemetry_rollups DROP COLUMN ordered_until`);
    await queryRunner.query(`DROP TABLE telemetry_writers`);
  }
}
