import { asInstant, asInterval, asMs } from './record.js';
import { type DeliveryQuery, type IncidentQuery } from '../../history/incident.store.js';

const now = `date_trunc('milliseconds', clock_timestamp())`;

/** Columns for `fromIncidentRow`. */
const incidentColumns = (row: string): string => `
  ${row}.id, ${row}.kind, ${row}.subject, ${row}.condition, ${row}.summary, ${row}.run_id, ${row}.release,
  ${asMs(`${row}.opened_at`)} AS opened_at, ${asMs(`${row}.closed_at`)} AS closed_at, ${asMs(`${row}.told_at`)} AS told_at`;

const deliveryColumns = (row: string, incident: string): string => `
  ${row}.id, ${row}.event, ${row}.endpoint, ${row}.state, ${row}.attempts, ${row}.status, ${row}.error,
  ${asMs(`${row}.created_at`)} AS created_at,
  CASE WHEN ${row}.state = 'pending' THEN ${asMs(`${row}.due_at`)} END AS due_at,
  ${asMs(`${row}.delivered_at`)} AS delivered_at,
  (SELECT row_to_json(shown) FROM (SELECT ${incidentColumns(incident)}) AS shown) AS incident`;

const silenced = (schema: string, kind: string, subject: string, condition: string): string => `EXISTS (
    SELECT FROM ${schema}.silences AS s
    WHERE s.until > clock_timestamp() AND coalesce(s.kind, ${kind}) = ${kind}
      AND coalesce(s.subject, ${subject}) = ${subject} AND coalesce(s.condition, ${condition}) = ${condition}
  )`;

/** A delivery for each incident of `told` that was told, and each of the endpoints. */
const deliver = (schema: string, event: string, endpoints: string): string => `
  INSERT INTO ${schema}.deliveries (id, incident, event, endpoint)
  SELECT gen_random_uuid(), told.id, '${event}', endpoint
  FROM told CROSS JOIN unnest(${endpoints}::text[]) AS endpoint
  WHERE told.told_at IS NOT NULL`;

/**
 * $1: id. $2 to $4: kind, subject, condition. $5: summary. $6: run. $7: release. $8: endpoints. No row when one is open
 * already.
 */
export const openIncident = (schema: string): string => `
WITH told AS (
  INSERT INTO ${schema}.incidents AS i (id, kind, subject, condition, summary, run_id, release, opened_at, told_at)
  SELECT $1::uuid, $2::text, $3::text, $4::text, $5::text, $6::uuid, $7::text, at,
    CASE WHEN NOT ${silenced(schema, '$2::text', '$3::text', '$4::text')} THEN at END
  FROM (SELECT ${now} AS at) AS t
  ON CONFLICT (kind, subject, condition) WHERE closed_at IS NULL DO NOTHING
  RETURNING i.*
), sent AS (${deliver(schema, 'incident.opened', '$8')}
)
SELECT ${incidentColumns('told')} FROM told
`;

/** $1 to $3: kind, subject, condition. $4: endpoints. */
export const closeIncident = (schema: string): string => `
WITH told AS (
  UPDATE ${schema}.incidents AS i SET closed_at = greatest(${now}, i.opened_at)
  WHERE i.kind = $1 AND i.subject = $2 AND i.condition = $3 AND i.closed_at IS NULL
  RETURNING i.*
), sent AS (${deliver(schema, 'incident.closed', '$4')}
)
SELECT ${incidentColumns('told')} FROM told
`;

/** $1: endpoints. */
export const tellIncidents = (schema: string): string => `
WITH told AS (
  UPDATE ${schema}.incidents AS i SET told_at = ${now}
  WHERE i.closed_at IS NULL AND i.told_at IS NULL AND NOT ${silenced(schema, 'i.kind', 'i.subject', 'i.condition')}
  RETURNING i.*
), sent AS (${deliver(schema, 'incident.opened', '$1')}
)
SELECT ${incidentColumns('told')} FROM told ORDER BY told.opened_at, told.id
`;

export function findIncidents(query: IncidentQuery): {
  statement(schema: string): string;
  values: unknown[];
} {
  const { id, kind, subject, condition, open, limit, before } = query;
  const values: unknown[] = [];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const conditions = [
    id !== undefined && `i.id = ${bind(id)}::uuid`,
    kind !== undefined && `i.kind = ${bind(kind)}`,
    subject !== undefined && `i.subject = ${bind(subject)}`,
    condition !== undefined && `i.condition = ${bind(condition)}`,
    open !== undefined && `i.closed_at IS ${open ? '' : 'NOT '}NULL`,
    before &&
      `(i.opened_at, i.id) < (${asInstant(bind(before.openedAt.getTime()))}, ${bind(before.id)}::uuid)`,
  ].filter(Boolean);
  const most = bind(limit);
  return {
    statement: (schema) => `
SELECT ${incidentColumns('i')} FROM ${schema}.incidents AS i
${conditions.length ? `WHERE ${conditions.join(' AND ')}` : ''}
ORDER BY i.opened_at DESC, i.id DESC
LIMIT ${most}
`,
    values,
  };
}

const silenceColumns = `
  s.id, s.kind, s.subject, s.condition, s.reason, s.actor, ${asMs('s.until')} AS until, ${asMs('s.created_at')} AS created_at`;

/** $1: id. $2 to $4: kind, subject, condition, or null. $5: until, ms. $6: reason. $7: actor. */
export const addSilence = (schema: string): string => `
INSERT INTO ${schema}.silences AS s (id, kind, subject, condition, until, reason, actor)
VALUES ($1::uuid, $2, $3, $4, ${asInstant('$5')}, $6, $7)
RETURNING ${silenceColumns}
`;

export const findSilences = (schema: string): string => `
SELECT ${silenceColumns} FROM ${schema}.silences AS s WHERE s.until > clock_timestamp() ORDER BY s.until, s.id
`;

/** $1: id. */
export const endSilence = (schema: string): string => `
UPDATE ${schema}.silences SET until = clock_timestamp() WHERE id = $1::uuid AND until > clock_timestamp() RETURNING id
`;

/** $1: endpoints. $2: limit. $3: lease, ms. */
export const takeDueDeliveries = (schema: string): string => `
WITH due AS (
  SELECT id FROM ${schema}.deliveries
  WHERE state = 'pending' AND due_at <= clock_timestamp() AND endpoint = ANY ($1::text[])
  ORDER BY due_at, id
  LIMIT $2
  FOR UPDATE SKIP LOCKED
), taken AS (
  UPDATE ${schema}.deliveries AS d SET attempts = d.attempts + 1, due_at = ${now} + ${asInterval('$3')}
  FROM due WHERE d.id = due.id
  RETURNING d.*
)
SELECT ${deliveryColumns('taken', 'i')} FROM taken JOIN ${schema}.incidents AS i ON i.id = taken.incident
ORDER BY taken.created_at, taken.id
`;

/** $1: id. $2: attempt. $3: whether it was delivered. $4: status. $5: error. $6: ms until the next attempt, or null. */
export const settleDelivery = (schema: string): string => `
UPDATE ${schema}.deliveries SET
  state = CASE WHEN $3::boolean THEN 'delivered' WHEN $6::float8 IS NULL THEN 'failed' ELSE 'pending' END,
  delivered_at = CASE WHEN $3::boolean THEN ${now} END,
  due_at = CASE WHEN NOT $3::boolean THEN ${now} + ${asInterval('$6')} END,
  status = $4::int,
  error = $5::text
WHERE id = $1::uuid AND attempts = $2::int
`;

/** $1: id. */
export const resendDelivery = (schema: string): string => `
WITH again AS (
  UPDATE ${schema}.deliveries AS d SET state = 'pending', due_at = ${now} WHERE d.id = $1::uuid RETURNING d.*
)
SELECT ${deliveryColumns('again', 'i')} FROM again JOIN ${schema}.incidents AS i ON i.id = again.incident
`;

export function findDeliveries(query: DeliveryQuery): {
  statement(schema: string): string;
  values: unknown[];
} {
  const { id, incident, endpoint, state, limit, before } = query;
  const values: unknown[] = [];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const conditions = [
    id !== undefined && `d.id = ${bind(id)}::uuid`,
    incident !== undefined && `d.incident = ${bind(incident)}::uuid`,
    endpoint !== undefined && `d.endpoint = ${bind(endpoint)}`,
    state !== undefined && `d.state = ${bind(state)}`,
    before &&
      `(d.created_at, d.id) < (${asInstant(bind(before.createdAt.getTime()))}, ${bind(before.id)}::uuid)`,
  ].filter(Boolean);
  const most = bind(limit);
  return {
    statement: (schema) => `
SELECT ${deliveryColumns('d', 'i')} FROM ${schema}.deliveries AS d JOIN ${schema}.incidents AS i ON i.id = d.incident
${conditions.length ? `WHERE ${conditions.join(' AND ')}` : ''}
ORDER BY d.created_at DESC, d.id DESC
LIMIT ${most}
`,
    values,
  };
}

/** $1: instant, ms. */
export const pruneIncidents = (schema: string): string => `
WITH ended AS (DELETE FROM ${schema}.silences WHERE until < ${asInstant('$1')})
DELETE FROM ${schema}.incidents WHERE closed_at < ${asInstant('$1')}
`;
