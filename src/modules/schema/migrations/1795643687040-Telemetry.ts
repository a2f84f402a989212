import { type MigrationInterface, type QueryRunner } from 'typeorm';

const RESOURCE_ROLLUP = `
        cpu_percent_min real,
        cpu_percent_max real,
        cpu_percent_sum double precision,
        cpu_percent_count integer,
        cpu_percent_last real,
        cpu_seconds_count integer,
        cpu_seconds_last double precision,
        cpu_seconds_increase double precision,
        cpu_throttled_seconds_count integer,
        cpu_throttled_seconds_last double precision,
        cpu_throttled_seconds_increase double precision,
        cpu_limit_cores_count integer,
        cpu_limit_cores_last real,
        memory_working_set_bytes_min bigint,
        memory_working_set_bytes_max bigint,
        memory_working_set_bytes_sum double precision,
        memory_working_set_bytes_count integer,
        memory_working_set_bytes_last bigint,
        memory_limit_bytes_count integer,
        memory_limit_bytes_last bigint,
        io_read_bytes_count integer,
        io_read_bytes_last bigint,
        io_read_bytes_increase double precision,
        io_write_bytes_count integer,
        io_write_bytes_last bigint,
        io_write_bytes_increase double precision,
        network_receive_bytes_count integer,
        network_receive_bytes_last bigint,
        network_receive_bytes_increase double precision,
        network_transmit_bytes_count integer,
        network_transmit_bytes_last bigint,
        network_transmit_bytes_increase double precision,
        oom_kills_count integer,
        oom_kills_last integer,
        oom_kills_increase double precision,
        processes_min integer,
        processes_max integer,
        processes_sum double precision,
        processes_count integer,
        processes_last integer`;

const SAMPLE_ROLLUP = `
        value_min double precision,
        value_max double precision,
        value_sum double precision,
        value_count integer,
        value_last double precision,
        value_increase double precision`;

/**
 * Readings and samples, in partitions by time, and their rollups. Rows name their series by a number: an id as text in each
 * would take as much space as eight values.
 */
export class Telemetry1795643687040 implements MigrationInterface {
  readonly name = 'Telemetry1795643687040';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE telemetry_sources (
        id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT telemetry_sources_pkey PRIMARY KEY,
        tenant_id text COLLATE "C" NOT NULL,
        instance_id text COLLATE "C" NOT NULL,
        last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT telemetry_sources_tenant_id_instance_id_key UNIQUE (tenant_id, instance_id)
      )`);
    await queryRunner.query(`
      CREATE TABLE metric_series (
        id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT metric_series_pkey PRIMARY KEY,
        tenant_id text COLLATE "C" NOT NULL,
        fingerprint uuid NOT NULL,
        name text COLLATE "C" NOT NULL,
        kind text NOT NULL CONSTRAINT metric_series_kind_check CHECK (kind IN ('gauge', 'counter')),
        labels jsonb NOT NULL,
        instance_id text COLLATE "C",
        last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT metric_series_tenant_id_fingerprint_key UNIQUE (tenant_id, fingerprint)
      )`);
    await queryRunner.query(
      `CREATE INDEX metric_series_tenant_id_name_id_idx ON metric_series (tenant_id, name, id)`,
    );
    await queryRunner.query(
      `CREATE INDEX metric_series_tenant_id_instance_id_idx ON metric_series (tenant_id, instance_id, name, id)`,
    );

    // A function, as each of its statements sees what has been committed when the lock is granted: two replicas do not
    // give the last place away twice.
    await queryRunner.query(`
      CREATE FUNCTION telemetry_admit_series(
        tenant text, most integer, fingerprints uuid[], names text[], kinds text[], label_sets text[], instances text[]
      ) RETURNS TABLE (id integer, fingerprint uuid) LANGUAGE plpgsql AS $$
      #variable_conflict use_column
      DECLARE
        free integer;
      BEGIN
        RETURN QUERY
          UPDATE metric_series AS s SET last_seen_at = clock_timestamp()
           WHERE s.tenant_id = tenant AND s.fingerprint = ANY (fingerprints)
             AND s.last_seen_at > clock_timestamp() - interval '1 hour'
          RETURNING s.id, s.fingerprint;
        IF (SELECT count(*) FROM metric_series AS s
             WHERE s.tenant_id = tenant AND s.fingerprint = ANY (fingerprints)
               AND s.last_seen_at > clock_timestamp() - interval '1 hour') = cardinality(fingerprints)
        THEN
          RETURN;
        END IF;
        PERFORM pg_advisory_xact_lock(hashtext('metric_series'), hashtext(tenant));
        SELECT greatest(most - count(*), 0) INTO free FROM metric_series AS s
         WHERE s.tenant_id = tenant AND s.last_seen_at > clock_timestamp() - interval '1 hour';
        RETURN QUERY
          INSERT INTO metric_series AS s (tenant_id, fingerprint, name, kind, labels, instance_id)
          SELECT tenant, given.fingerprint, given.name, given.kind, given.labels::jsonb, given.instance_id
            FROM unnest(fingerprints, names, kinds, label_sets, instances) WITH ORDINALITY
                   AS given (fingerprint, name, kind, labels, instance_id, place)
           WHERE NOT EXISTS (
             SELECT FROM metric_series AS active
              WHERE active.tenant_id = tenant AND active.fingerprint = given.fingerprint
                AND active.last_seen_at > clock_timestamp() - interval '1 hour')
           ORDER BY place LIMIT free
          ON CONFLICT (tenant_id, fingerprint) DO UPDATE SET last_seen_at = clock_timestamp()
          RETURNING s.id, s.fingerprint;
      END $$`);

    // Columns of eight bytes first, so that none is lost to alignment.
    await queryRunner.query(`
      CREATE TABLE resource_snapshots (
        at timestamptz NOT NULL,
        started_at timestamptz,
        cpu_seconds double precision,
        cpu_throttled_seconds double precision,
        memory_working_set_bytes bigint,
        memory_limit_bytes bigint,
        io_read_bytes bigint,
        io_write_bytes bigint,
        network_receive_bytes bigint,
        network_transmit_bytes bigint,
        source_id integer NOT NULL,
        cpu_percent real,
        cpu_limit_cores real,
        oom_kills integer,
        processes integer,
        CONSTRAINT resource_snapshots_pkey PRIMARY KEY (source_id, at)
      ) PARTITION BY RANGE (at)`);
    await queryRunner.query(`
      CREATE TABLE metric_samples (
        at timestamptz NOT NULL,
        started_at timestamptz,
        value double precision NOT NULL,
        series_id integer NOT NULL,
        CONSTRAINT metric_samples_pkey PRIMARY KEY (series_id, at)
      ) PARTITION BY RANGE (at)`);
    for (const [table, key, columns] of [
      ['resource_rollups_1m', 'source_id', RESOURCE_ROLLUP],
      ['resource_rollups_1h', 'source_id', RESOURCE_ROLLUP],
      ['metric_rollups_1m', 'series_id', SAMPLE_ROLLUP],
      ['metric_rollups_1h', 'series_id', SAMPLE_ROLLUP],
    ])
      await queryRunner.query(`
        CREATE TABLE ${table} (
          at timestamptz NOT NULL,
          ${key} integer NOT NULL,
          restarts integer NOT NULL,
          ${columns},
          CONSTRAINT ${table}_pkey PRIMARY KEY (${key}, at)
        ) PARTITION BY RANGE (at)`);
    // Rows come in the order of time: a BRIN finds a minute of an hour, and costs an insert next to nothing.
    for (const table of [
      'resource_snapshots',
      'resource_rollups_1m',
      'resource_rollups_1h',
      'metric_samples',
      'metric_rollups_1m',
      'metric_rollups_1h',
    ])
      // prettier-ignore
      await queryRunner.query(
        `CREATE INDEX ${table}_at_idx ON ${table} USING brin (at) WITH (pages_per_range = 32, autosummarize = on)`,
      );

    await queryRunner.query(
      `CREATE INDEX instances_scraped_idx ON instances (id) WHERE spec -> 'metrics' IS NOT NULL AND state = 'running'`,
    );
    await queryRunner.query(`
      CREATE TABLE telemetry_rollups (
        raw text CONSTRAINT telemetry_rollups_pkey PRIMARY KEY,
        closed_until timestamptz NOT NULL,
        minutes_until timestamptz NOT NULL,
        hours_until timestamptz NOT NULL
      )`);
    await queryRunner.query(`
      INSERT INTO telemetry_rollups
      SELECT raw, date_trunc('minute', now), date_trunc('minute', now), date_bin('1 hour', now, 'epoch')
        FROM unnest(ARRAY['resource_snapshots', 'metric_samples']) AS raw, clock_timestamp() AS now`);
    await queryRunner.query(`
      CREATE TABLE telemetry_late (
        raw text NOT NULL,
        key integer NOT NULL,
        at timestamptz NOT NULL,
        CONSTRAINT telemetry_late_pkey PRIMARY KEY (raw, key, at)
      )`);
    await queryRunner.query(`
      CREATE TABLE telemetry_notices (
        tenant_id text COLLATE "C" NOT NULL,
        matter text NOT NULL,
        told_at timestamptz NOT NULL,
        CONSTRAINT telemetry_notices_pkey PRIMARY KEY (tenant_id, matter)
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      DROP TABLE telemetry_notices, telemetry_late, telemetry_rollups, metric_rollups_1h, metric_rollups_1m,
        metric_samples, resource_rollups_1h, resource_rollups_1m, resource_snapshots, metric_series, telemetry_sources`);
    await queryRunner.query(`DROP FUNCTION telemetry_admit_series`);
    await queryRunner.query(`DROP INDEX instances_scraped_idx`);
  }
}
