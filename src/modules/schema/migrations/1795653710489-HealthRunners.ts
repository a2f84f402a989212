import { type MigrationInterface, type QueryRunner } from 'typeorm';

/** Which replica has claimed a check, and when each replica was heard of last: what a dead one had claimed is taken over. */
export class HealthRunners1795653710489 implements MigrationInterface {
  name = 'HealthRunners1795653710489';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE health_runners (
        replica text COLLATE "C" NOT NULL CONSTRAINT health_runners_pkey PRIMARY KEY,
        beat_at timestamptz(3) NOT NULL
      )`);
    await queryRunner.query(`
      ALTER TABLE health_check_turns ADD COLUMN claimed_by text COLLATE "C", ADD COLUMN claimed_due timestamptz(3)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE health_check_turns DROP COLUMN claimed_by, DROP COLUMN claimed_due`);
    await queryRunner.query(`DROP TABLE health_runners`);
  }
}
