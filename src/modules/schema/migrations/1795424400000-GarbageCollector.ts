import { type MigrationInterface, type QueryRunner } from 'typeorm';

/** Where the garbage collector goes on with each tenant. Only its own statements touch the table. */
export class GarbageCollector1795424400000 implements MigrationInterface {
  readonly name = 'GarbageCollector1795424400000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE gc_positions (
        tenant_id text COLLATE "C" NOT NULL CONSTRAINT gc_positions_pkey PRIMARY KEY,
        created_at timestamptz(3) NOT NULL,
        instance_id text COLLATE "C" NOT NULL
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE gc_positions`);
  }
}
