import { type MigrationInterface, type QueryRunner } from 'typeorm';

/** What the passes of the garbage collector hold back, beside instances, which have brakes of their own. */
export class GarbagePasses1795704852630 implements MigrationInterface {
  readonly name = 'GarbagePasses1795704852630';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE gc_pass_brakes (
        pass text COLLATE "C" NOT NULL,
        tenant_id text COLLATE "C" NOT NULL,
        keys text[] NOT NULL,
        state text NOT NULL DEFAULT 'engaged'
          CONSTRAINT gc_pass_brakes_state_check CHECK (state IN ('engaged', 'confirmed')),
        engaged_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        seen_since timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT gc_pass_brakes_pkey PRIMARY KEY (pass, tenant_id)
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE gc_pass_brakes`);
  }
}
