import { type MigrationInterface, type QueryRunner } from 'typeorm';

/** Which claims of schedules are to end, until their holders have said how they did: with the token of the claim, who cancelled it, and why. */
export class ScheduleCancellations1795733400000 implements MigrationInterface {
  name = 'ScheduleCancellations1795733400000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE schedules ADD COLUMN cancellation jsonb');
    await queryRunner.query(
      'CREATE INDEX schedules_cancelled ON schedules (token) WHERE cancellation IS NOT NULL',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE schedules DROP COLUMN cancellation');
  }
}
