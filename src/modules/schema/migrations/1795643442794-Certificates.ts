import { type MigrationInterface, type QueryRunner } from 'typeorm';

/** Domains, routes and certificates. Of these, TypeORM maps domains and routes. */
export class Certificates1795643442794 implements MigrationInterface {
  readonly name = 'Certificates1795643442794';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE domains (
        id text COLLATE "C" NOT NULL CONSTRAINT domains_pkey PRIMARY KEY,
        tenant_id text COLLATE "C" NOT NULL,
        hostname text NOT NULL,
        token text NOT NULL,
        verified_at timestamptz(3),
        cert_expiry timestamptz(3),
        unreachable_since timestamptz(3),
        lost_at timestamptz(3),
        created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        updated_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT domains_tenant_id_hostname_key UNIQUE (tenant_id, hostname)
      )`);
    await queryRunner.query(
      `CREATE INDEX domains_tenant_id_created_at_id_idx ON domains (tenant_id, created_at, id)`,
    );
    // Anybody may claim a name; only one can prove it.
    await queryRunner.query(
      `CREATE UNIQUE INDEX domains_verified_hostname_key ON domains (hostname) WHERE (verified_at IS NOT NULL)`,
    );

    await queryRunner.query(`
      CREATE TABLE routes (
        id text COLLATE "C" NOT NULL CONSTRAINT routes_pkey PRIMARY KEY,
        tenant_id text COLLATE "C" NOT NULL,
        domain_id text COLLATE "C" NOT NULL,
        path text NOT NULL,
        workload_id text COLLATE "C" NOT NULL,
        port integer NOT NULL,
        protocol text NOT NULL DEFAULT 'http',
        weight integer NOT NULL DEFAULT 100,
        strip_prefix boolean NOT NULL DEFAULT false,
        created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        updated_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT routes_domain_id_path_workload_id_key UNIQUE (domain_id, path, workload_id)
      )`);
    await queryRunner.query(
      `CREATE INDEX routes_tenant_id_created_at_id_idx ON routes (tenant_id, created_at, id)`,
    );

    await queryRunner.query(`
      CREATE TABLE certificates (
        id text COLLATE "C" NOT NULL CONSTRAINT certificates_pkey PRIMARY KEY,
        tenant_id text COLLATE "C" NOT NULL,
        domain_id text COLLATE "C" NOT NULL,
        names text[] NOT NULL,
        key_type text NOT NULL,
        version integer,
        issuer text,
        not_before timestamptz(3),
        not_after timestamptz(3),
        serial_number text,
        ari_id text,
        stage text NOT NULL DEFAULT 'pending'
          CONSTRAINT certificates_stage_check
          CHECK (stage IN ('pending', 'valid', 'expiring', 'renewing', 'backoff', 'critical', 'lost')),
        renewal jsonb NOT NULL,
        ordering boolean NOT NULL DEFAULT false,
        due_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp()
      )`);
    await queryRunner.query(`CREATE INDEX certificates_due_at_idx ON certificates (due_at)`);
    await queryRunner.query(
      `CREATE INDEX certificates_tenant_id_created_at_id_idx ON certificates (tenant_id, created_at, id)`,
    );
    await queryRunner.query(`CREATE INDEX certificates_created_at_id_idx ON certificates (created_at, id)`);
    await queryRunner.query(`CREATE INDEX certificates_domain_id_idx ON certificates (domain_id)`);
    await queryRunner.query(`CREATE INDEX certificates_names_idx ON certificates USING gin (names)`);

    await queryRunner.query(`
      CREATE TABLE certificate_versions (
        certificate_id text COLLATE "C" NOT NULL
          CONSTRAINT certificate_versions_certificate_id_fkey REFERENCES certificates (id) ON DELETE CASCADE,
        version integer NOT NULL,
        issuer text NOT NULL,
        chain text NOT NULL,
        sealed_key text NOT NULL,
        not_after timestamptz(3) NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT certificate_versions_pkey PRIMARY KEY (certificate_id, version)
      )`);

    await queryRunner.query(`
      CREATE TABLE issuer_states (
        issuer text NOT NULL,
        part text NOT NULL,
        data jsonb NOT NULL,
        sealed text NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        updated_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT issuer_states_pkey PRIMARY KEY (issuer, part)
      )`);

    await queryRunner.query(`
      CREATE TABLE http_challenges (
        token text COLLATE "C" NOT NULL CONSTRAINT http_challenges_pkey PRIMARY KEY,
        key_authorization text NOT NULL,
        expires_at timestamptz(3) NOT NULL
      )`);
    await queryRunner.query(`CREATE INDEX http_challenges_expires_at_idx ON http_challenges (expires_at)`);

    // The instant at which a bucket is full again: all that a token bucket has to remember.
    await queryRunner.query(`
      CREATE TABLE issuance_buckets (
        key text COLLATE "C" NOT NULL CONSTRAINT issuance_buckets_pkey PRIMARY KEY,
        full_at timestamptz NOT NULL
      )`);
    await queryRunner.query(`CREATE INDEX issuance_buckets_full_at_idx ON issuance_buckets (full_at)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      `DROP TABLE issuance_buckets, http_challenges, issuer_states, certificate_versions, certificates, routes, domains`,
    );
  }
}
