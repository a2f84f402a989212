/**
 * The schema's history. A step, once released, never changes: what comes later is a new step at the end. The
 * number of steps is the version that the code needs.
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
];

/** Holds the number of steps that were applied. */
export const createVersionTable = (schema: string): string => `
CREATE SCHEMA IF NOT EXISTS ${schema};
CREATE TABLE IF NOT EXISTS ${schema}.schema_version (
  version int PRIMARY KEY,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
`;

/** The version that is installed; the table may be missing. */
export const readVersion = (schema: string): string =>
  `SELECT coalesce(max(version), 0) AS version FROM ${schema}.schema_version`;
