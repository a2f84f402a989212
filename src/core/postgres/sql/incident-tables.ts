/** Whole milliseconds: a page of a list continues after the last instant that the code has, which has no microseconds. */
const now = `date_trunc('milliseconds', clock_timestamp())`;

/** Part of a step of the schema, so it never changes. */
export const incidentTables = (schema: string): string => `
CREATE TABLE IF NOT EXISTS ${schema}.incidents (
  id uuid PRIMARY KEY,
  kind text NOT NULL,
  subject text NOT NULL,
  condition text NOT NULL,
  summary text NOT NULL,
  run_id uuid,
  release text,
  opened_at timestamptz NOT NULL DEFAULT ${now},
  closed_at timestamptz,
  -- Null while a silence keeps it from webhooks and from the hook of the application.
  told_at timestamptz
);
-- One that is open for each: whoever inserts it tells.
CREATE UNIQUE INDEX IF NOT EXISTS incidents_open ON ${schema}.incidents (kind, subject, condition) WHERE closed_at IS NULL;
CREATE INDEX IF NOT EXISTS incidents_opened ON ${schema}.incidents (opened_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS incidents_subject ON ${schema}.incidents (subject, opened_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS incidents_closed ON ${schema}.incidents (closed_at) WHERE closed_at IS NOT NULL;

-- Null: whatever it is.
CREATE TABLE IF NOT EXISTS ${schema}.silences (
  id uuid PRIMARY KEY,
  kind text,
  subject text,
  condition text,
  until timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT ${now},
  reason text,
  actor text
);

CREATE TABLE IF NOT EXISTS ${schema}.deliveries (
  id uuid PRIMARY KEY,
  incident uuid NOT NULL REFERENCES ${schema}.incidents ON DELETE CASCADE,
  event text NOT NULL,
  endpoint text NOT NULL,
  state text NOT NULL DEFAULT 'pending',
  attempts int NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT ${now},
  due_at timestamptz DEFAULT ${now},
  delivered_at timestamptz,
  status int,
  error text
);
CREATE INDEX IF NOT EXISTS deliveries_due ON ${schema}.deliveries (due_at) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS deliveries_created ON ${schema}.deliveries (created_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS deliveries_incident ON ${schema}.deliveries (incident, created_at DESC, id DESC);
`;
