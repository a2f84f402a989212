import { claimFunction } from './claim.js';
import { incidentTables } from './incident-tables.js';
import { recordFunction } from './record.js';
import { releaseFunction } from './release.js';

/**
 * The steps of the schema. A released step never changes: a later change is a new step at the end. The number of steps is
 * the version that the code needs.
 *
 * In every rolling deploy, and after a rollback, older code meets a newer schema. So a step only adds: columns have
 * defaults, and a function that needs another parameter is added beside the old one. A step that older code cannot work
 * with is listed in `BREAKING`.
 */
export const schemaSteps = (schema: string): readonly string[] => [
  `
CREATE TABLE ${schema}.replicas (
  id uuid PRIMARY KEY,
  host text NOT NULL,
  pid int NOT NULL,
  started_at timestamptz NOT NULL,
  heartbeat_at timestamptz NOT NULL
);

CREATE TABLE ${schema}.runs (
  id uuid PRIMARY KEY,
  worker text NOT NULL,
  replica uuid NOT NULL,
  trigger text NOT NULL,
  slot timestamptz,
  attempt int NOT NULL,
  scheduled_at timestamptz NOT NULL,
  started_at timestamptz NOT NULL,
  ended_at timestamptz,
  outcome text NOT NULL,
  error jsonb,
  progress jsonb,
  blocked_ms int
);

CREATE INDEX runs_worker_started ON ${schema}.runs (worker, started_at DESC, id DESC);
CREATE INDEX runs_started ON ${schema}.runs (started_at DESC, id DESC);
-- Small: only what is on right now. Every heartbeat reads it.
CREATE INDEX runs_running ON ${schema}.runs (replica) WHERE outcome = 'running';
`,
  `
-- Since when there is a worker: what it missed before its first run counts from then.
CREATE TABLE ${schema}.known_workers (
  worker text PRIMARY KEY,
  since timestamptz NOT NULL
);
`,
  `
-- One row a worker, which every run changes twice: nothing but the name is indexed, so that a change needs no new entry
-- in any index (HOT), and pages keep room for it.
CREATE TABLE ${schema}.workers (
  name text PRIMARY KEY,
  slot timestamptz NOT NULL,
  done boolean NOT NULL DEFAULT true,
  owed int,
  fencing bigint NOT NULL DEFAULT 0,
  run_id uuid,
  attempt int NOT NULL DEFAULT 0,
  request_id uuid,
  holder uuid,
  lease_until timestamptz,
  cancel_requested boolean NOT NULL DEFAULT false,
  not_before timestamptz,
  paused boolean NOT NULL DEFAULT false,
  revision int NOT NULL DEFAULT 1,
  timing text NOT NULL,
  definition text NOT NULL,
  definition_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  previous jsonb,
  last_run timestamptz,
  last_end timestamptz,
  last_success timestamptz,
  last_error text,
  last_duration_ms float8,
  progress jsonb,
  run_count bigint NOT NULL DEFAULT 0,
  consecutive_failures int NOT NULL DEFAULT 0,
  skipped_count bigint NOT NULL DEFAULT 0,
  missed_count bigint NOT NULL DEFAULT 0,
  superseded_count bigint NOT NULL DEFAULT 0,
  lost_count bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- Runs that somebody or something asked for.
CREATE TABLE ${schema}.requests (
  id uuid PRIMARY KEY,
  worker text NOT NULL,
  trigger text NOT NULL,
  event_id text,
  payload jsonb,
  requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  max_attempts int NOT NULL,
  attempts int NOT NULL DEFAULT 0,
  -- Begun without a lease, and not tried again: when its replica last said that it is on.
  heard_of timestamptz,
  ended_at timestamptz,
  outcome jsonb
);

-- Replicas that claim slots, each told five times a second. Not logged: after a crash of the server they say so again.
CREATE UNLOGGED TABLE ${schema}.members (
  replica uuid PRIMARY KEY,
  seen_at timestamptz NOT NULL
);

CREATE UNIQUE INDEX requests_event ON ${schema}.requests (worker, event_id) WHERE event_id IS NOT NULL;
CREATE INDEX requests_open ON ${schema}.requests (worker, requested_at) WHERE ended_at IS NULL;
${recordFunction(schema)}${claimFunction(schema)}${releaseFunction(schema)}`,
  `
-- The schedule that a worker had when it was last asked about: what was missed counts from when it came into force.
ALTER TABLE ${schema}.known_workers ADD COLUMN timing text;

-- Services whose replicas coordinate here. Two with one name of a worker would run it as one.
CREATE TABLE IF NOT EXISTS ${schema}.services (
  name text PRIMARY KEY,
  -- It was named by the application, and not by a rule.
  given boolean NOT NULL,
  seen_at timestamptz NOT NULL
);
`,
  `
-- Runs that somebody has cancelled: the replica that runs one hears of it with its next pulse.
CREATE TABLE IF NOT EXISTS ${schema}.cancellations (
  run_id uuid PRIMARY KEY,
  actor text,
  reason text,
  requested_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
${releaseFunction(schema)}
-- For those who look for what went wrong, or for what somebody asked for: few runs, so that most cost no entry in them.
CREATE INDEX IF NOT EXISTS runs_not_succeeded ON ${schema}.runs (outcome, started_at DESC, id DESC) WHERE outcome <> 'succeeded';
CREATE INDEX IF NOT EXISTS runs_worker_not_succeeded ON ${schema}.runs (worker, outcome, started_at DESC, id DESC)
  WHERE outcome <> 'succeeded';
CREATE INDEX IF NOT EXISTS runs_not_scheduled ON ${schema}.runs (trigger, started_at DESC, id DESC) WHERE trigger <> 'schedule';
CREATE INDEX IF NOT EXISTS runs_worker_not_scheduled ON ${schema}.runs (worker, trigger, started_at DESC, id DESC)
  WHERE trigger <> 'schedule';
CREATE INDEX IF NOT EXISTS runs_with_error ON ${schema}.runs (started_at DESC, id DESC) WHERE error IS NOT NULL;
`,
  `
ALTER TABLE ${schema}.runs
  ADD COLUMN IF NOT EXISTS actor text,
  ADD COLUMN IF NOT EXISTS release text,
  ADD COLUMN IF NOT EXISTS metrics jsonb,
  ADD COLUMN IF NOT EXISTS log jsonb;
ALTER TABLE ${schema}.replicas ADD COLUMN IF NOT EXISTS release text;
ALTER TABLE ${schema}.requests ADD COLUMN IF NOT EXISTS actor text;
-- Slots that were begun, each once however often it was tried; who last paused, resumed or rescheduled it.
ALTER TABLE ${schema}.workers
  ADD COLUMN IF NOT EXISTS begun bigint NOT NULL DEFAULT 0,
  ADD COLUMN IF NOT EXISTS last_change jsonb;
-- Two functions of one name, of which one has a default, could not be told apart.
DROP FUNCTION IF EXISTS ${schema}.claim(
  text, uuid, uuid, bigint, float8, float8, float8, uuid, int, int, int, float8
);
${recordFunction(schema, ['begun', 'last_change'])}${claimFunction(schema)}${releaseFunction(schema)}`,
  incidentTables(schema),
  `
ALTER TABLE ${schema}.runs
  ADD COLUMN IF NOT EXISTS payload jsonb,
  ADD COLUMN IF NOT EXISTS payload_omitted boolean;
-- For those who look for a text in the errors of one worker.
CREATE INDEX IF NOT EXISTS runs_worker_with_error ON ${schema}.runs (worker, started_at DESC, id DESC) WHERE error IS NOT NULL;
-- Whose runs the history has, also when the replica is gone.
CREATE TABLE IF NOT EXISTS ${schema}.known_replicas (
  id uuid PRIMARY KEY,
  host text NOT NULL,
  pid int NOT NULL,
  started_at timestamptz NOT NULL,
  release text
);
CREATE INDEX IF NOT EXISTS known_replicas_started ON ${schema}.known_replicas (started_at DESC, id DESC);
INSERT INTO ${schema}.known_replicas SELECT id, host, pid, started_at, release FROM ${schema}.replicas ON CONFLICT DO NOTHING;
`,
  `
-- For lists of incidents and deliveries of what is rare among them: without, all would be read to find a few.
CREATE INDEX IF NOT EXISTS incidents_kind ON ${schema}.incidents (kind, opened_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS incidents_condition ON ${schema}.incidents (condition, opened_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS deliveries_state ON ${schema}.deliveries (state, created_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS deliveries_endpoint ON ${schema}.deliveries (endpoint, created_at DESC, id DESC);
`,
  `
-- No run for a request before this instant: one has failed, and it is tried again. Older code asks for it too early, and is refused.
ALTER TABLE ${schema}.requests ADD COLUMN IF NOT EXISTS not_before timestamptz;
-- Whether any request of the worker waits so. Most claims and releases need not look for one.
ALTER TABLE ${schema}.workers ADD COLUMN IF NOT EXISTS deferring boolean NOT NULL DEFAULT false;
${claimFunction(schema)}${releaseFunction(schema)}`,
  `
ALTER TABLE ${schema}.runs ADD COLUMN IF NOT EXISTS shards jsonb;
`,
  `
-- Which stored schedule a run was for. Runs of workers have none, and cost no entry in the index.
ALTER TABLE ${schema}.runs
  ADD COLUMN IF NOT EXISTS key text,
  ADD COLUMN IF NOT EXISTS fencing_token float8;
CREATE INDEX IF NOT EXISTS runs_key ON ${schema}.runs (key, worker, started_at DESC, id DESC) WHERE key IS NOT NULL;
`,
];

/** Versions that older code cannot work with. */
const BREAKING = [1, 2, 3];

/** The oldest version whose code works with a schema of this version. */
export const compatibleFrom = (version: number): number =>
  Math.max(...BREAKING.filter((breaking) => breaking <= version));

/** Records that a step was applied. */
export const noteStep = (schema: string, version: number): string =>
  `INSERT INTO ${schema}.schema_version (version, compatible_from) VALUES (${version}, ${compatibleFrom(version)});`;

/** Creates the table of applied steps. */
export const createVersionTable = (schema: string): string => `
CREATE SCHEMA IF NOT EXISTS ${schema};
CREATE TABLE IF NOT EXISTS ${schema}.schema_version (
  version int PRIMARY KEY,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE ${schema}.schema_version ADD COLUMN IF NOT EXISTS compatible_from int;
`;

/**
 * The installed version, and the oldest one whose code works with it. The column is missing in an older schema: then only
 * code of the same version works with it. The table may be missing, too.
 */
export const readVersion = (schema: string): string => `
SELECT
  coalesce(max(version), 0) AS version,
  coalesce(max(coalesce((to_jsonb(v) ->> 'compatible_from')::int, version)), 0) AS "compatibleFrom"
FROM ${schema}.schema_version AS v
`;

/** $1: the schema. The rights that the role of the connection lacks, from the catalogs, which every role may read. */
export const readRights = `
SELECT
  current_user AS role, quote_ident(current_user) AS "roleId", quote_ident(current_database()) AS "databaseId",
  n.oid IS NOT NULL AS installed, has_schema_privilege(n.oid, 'USAGE') AS "mayUse",
  to_json(ARRAY(
    SELECT format('%s on %I.%I', needed, n.nspname, c.relname)
    FROM pg_class AS c CROSS JOIN unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) AS needed
    WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p') AND NOT has_table_privilege(c.oid, needed)
      AND (c.relname <> 'schema_version' OR needed = 'SELECT')
    ORDER BY c.relname, needed
  )) AS lacking
FROM (SELECT) AS always LEFT JOIN pg_namespace AS n ON n.nspname = $1
`;

/** Whether the database is read-only: a standby, or by its settings. */
export const readOnly = (): string => `SELECT current_setting('transaction_read_only') = 'on' AS "readOnly"`;
