import { type MigrationInterface, type QueryRunner } from 'typeorm';

/** Which schedules fail: few of many, looked for four times a minute. */
export class ScheduleTroubles1795720579150 implements MigrationInterface {
  name = 'ScheduleTroubles1795720579150';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      'CREATE INDEX schedules_failing ON schedules (handler, key) WHERE consecutive_failures > 0',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP INDEX schedules_failing');
  }
}
