import { type MigrationInterface, type QueryRunner } from 'typeorm';

/**
 * Events by weeks, so that old ones go with their partition and not row by row. Those that there are stay: their table
 * becomes the first partition, up to the end of the week of the latest.
 */
export class EventPartitions1795655375067 implements MigrationInterface {
  readonly name = 'EventPartitions1795655375067';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE events RENAME TO events_before`);
    await queryRunner.query(`
      ALTER TABLE events_before DROP CONSTRAINT events_pkey, DROP CONSTRAINT events_seq_key`);
    for (const index of ['xact_seq', 'type_seq', 'tenant_id_seq'])
      await queryRunner.query(`ALTER INDEX events_${index}_idx RENAME TO events_before_${index}_idx`);
    // What it is partitioned by has to be in every unique index. Ids are random, and numbers come from a sequence.
    await queryRunner.query(`
      CREATE TABLE events (
        id text COLLATE "C" NOT NULL,
        seq bigint NOT NULL DEFAULT nextval('events_seq_seq'),
        xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
        type text NOT NULL,
        tenant_id text COLLATE "C",
        payload jsonb NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT events_pkey PRIMARY KEY (id, created_at)
      ) PARTITION BY RANGE (created_at)`);
    await queryRunner.query(`ALTER SEQUENCE events_seq_seq OWNED BY events.seq`);
    await queryRunner.query(`CREATE INDEX events_seq_idx ON events (seq)`);
    await queryRunner.query(`CREATE INDEX events_xact_seq_idx ON events (xact, seq)`);
    await queryRunner.query(`CREATE INDEX events_type_seq_idx ON events (type, seq)`);
    await queryRunner.query(`CREATE INDEX events_tenant_id_seq_idx ON events (tenant_id, seq)`);
    // Weeks from the epoch on, as `TimePartitions` has them, with so many ahead that events can be published for three
    // months without anybody who makes more.
    await queryRunner.query(`
      DO $$ DECLARE
        week CONSTANT interval := interval '7 days';
        first timestamptz := date_bin(week, clock_timestamp(), 'epoch');
        name text;
        earliest timestamptz;
        latest timestamptz;
      BEGIN
        SELECT min(created_at), max(created_at) INTO earliest, latest FROM events_before;
        IF earliest IS NULL THEN
          DROP TABLE events_before;
        ELSE
          first := date_bin(week, greatest(latest, clock_timestamp()), 'epoch') + week;
          EXECUTE format('ALTER TABLE events ATTACH PARTITION events_before FOR VALUES FROM (%L) TO (%L)',
            date_bin(week, earliest, 'epoch'), first);
        END IF;
        FOR i IN 0..13 LOOP
          name := 'events_' || to_char((first + i * week) AT TIME ZONE 'UTC', 'YYYYMMDD"t"HH24MI');
          EXECUTE format('CREATE TABLE %I PARTITION OF events FOR VALUES FROM (%L) TO (%L)',
            name, first + i * week, first + (i + 1) * week);
        END LOOP;
      END $$`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE events RENAME TO events_by_week`);
    await queryRunner.query(`
      CREATE TABLE events (
        id text COLLATE "C" NOT NULL,
        seq bigint NOT NULL DEFAULT nextval('events_seq_seq'),
        xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
        type text NOT NULL,
        tenant_id text COLLATE "C",
        payload jsonb NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp()
      )`);
    await queryRunner.query(`ALTER SEQUENCE events_seq_seq OWNED BY events.seq`);
    await queryRunner.query(`
      INSERT INTO events (id, seq, xact, type, tenant_id, payload, created_at)
      SELECT id, seq, xact, type, tenant_id, payload, created_at FROM events_by_week`);
    await queryRunner.query(`DROP TABLE events_by_week`);
    await queryRunner.query(`
      ALTER TABLE events ADD CONSTRAINT events_pkey PRIMARY KEY (id), ADD CONSTRAINT events_seq_key UNIQUE (seq)`);
    await queryRunner.query(`CREATE INDEX events_xact_seq_idx ON events (xact, seq)`);
    await queryRunner.query(`CREATE INDEX events_type_seq_idx ON events (type, seq)`);
    await queryRunner.query(`CREATE INDEX events_tenant_id_seq_idx ON events (tenant_id, seq)`);
  }
}
