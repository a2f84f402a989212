import { type MigrationInterface, type QueryRunner } from 'typeorm';

/** What a pass of the garbage collector holds back is shown, and decided on, as what is held back of instances. */
export class PassBrakes1795718100000 implements MigrationInterface {
  readonly name = 'PassBrakes1795718100000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE gc_pass_brakes
        ADD store text COLLATE "C" NOT NULL DEFAULT '',
        ADD cause text NOT NULL DEFAULT 'lost'
          CONSTRAINT gc_pass_brakes_cause_check CHECK (cause IN ('lost', 'share')),
        ADD set_digest text COLLATE "C" NOT NULL DEFAULT '',
        ADD last_seen_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        ADD decided_by text,
        DROP CONSTRAINT gc_pass_brakes_state_check,
        ADD CONSTRAINT gc_pass_brakes_state_check CHECK (state IN ('engaged', 'refused', 'confirmed'))`);
    // The name of a pass has no space in it; a store stood behind one.
    await queryRunner.query(`
      UPDATE gc_pass_brakes SET set_digest = md5(array_to_string(keys, ',')),
        pass = split_part(pass, ' ', 1),
        store = CASE WHEN position(' ' IN pass) > 0 THEN substr(pass, position(' ' IN pass) + 1) ELSE '' END`);
    await queryRunner.query(`
      ALTER TABLE gc_pass_brakes
        ADD id text COLLATE "C" NOT NULL GENERATED ALWAYS AS (md5(pass || ' ' || store || ' ' || tenant_id)) STORED,
        DROP CONSTRAINT gc_pass_brakes_pkey,
        ADD CONSTRAINT gc_pass_brakes_pkey PRIMARY KEY (pass, store, tenant_id),
        ADD CONSTRAINT gc_pass_brakes_id_key UNIQUE (id)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DELETE FROM gc_pass_brakes WHERE state = 'refused'`);
    await queryRunner.query(`
      ALTER TABLE gc_pass_brakes
        DROP CONSTRAINT gc_pass_brakes_id_key,
        DROP COLUMN id,
        DROP CONSTRAINT gc_pass_brakes_pkey,
        DROP CONSTRAINT gc_pass_brakes_state_check,
        ADD CONSTRAINT gc_pass_brakes_state_check CHECK (state IN ('engaged', 'confirmed'))`);
    await queryRunner.query(
      `UPDATE gc_pass_brakes SET pass = pass || CASE store WHEN '' THEN '' ELSE ' ' || store END`,
    );
    await queryRunner.query(`
      ALTER TABLE gc_pass_brakes
        DROP COLUMN store,
        DROP COLUMN cause,
        DROP COLUMN set_digest,
        DROP COLUMN last_seen_at,
        DROP COLUMN decided_by,
        ADD CONSTRAINT gc_pass_brakes_pkey PRIMARY KEY (pass, tenant_id)`);
  }
}
