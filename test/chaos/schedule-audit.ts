import type pg from 'pg';

/**
 * Has PostgreSQL itself write down every claim and every end of a run, in the transaction that makes it and by its own clock.
 * What the replicas believe plays no part.
 */
const AUDIT = `
CREATE SCHEMA audit;
CREATE TABLE audit.effects (
  id bigserial PRIMARY KEY, key text NOT NULL, slot timestamptz(3) NOT NULL, attempt int NOT NULL, token bigint NOT NULL,
  at timestamptz DEFAULT clock_timestamp()
);
CREATE TABLE audit.claims (
  key text NOT NULL, slot timestamptz(3) NOT NULL, token bigint NOT NULL, at timestamptz NOT NULL,
  token_before bigint NOT NULL, lease_before timestamptz
);
CREATE TABLE audit.ends (
  key text NOT NULL, slot timestamptz(3) NOT NULL, token bigint NOT NULL, at timestamptz NOT NULL,
  next timestamptz(3), completed boolean NOT NULL, missed bigint NOT NULL
);
CREATE TABLE audit.began AS SELECT key, slot_at AS slot FROM schedules;

CREATE FUNCTION audit.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.token <> OLD.token THEN
    INSERT INTO audit.claims VALUES (
      NEW.key, OLD.slot_at, NEW.token, clock_timestamp(), OLD.token, CASE WHEN OLD.claimed_by IS NOT NULL THEN OLD.due_at END
    );
  END IF;
  IF NEW.slot_at IS DISTINCT FROM OLD.slot_at OR NEW.turns <> OLD.turns OR NEW.missed <> OLD.missed THEN
    INSERT INTO audit.ends VALUES (
      NEW.key, OLD.slot_at, OLD.token, clock_timestamp(), NEW.slot_at, NEW.turns > OLD.turns, NEW.missed - OLD.missed
    );
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER note AFTER UPDATE ON schedules FOR EACH ROW EXECUTE FUNCTION audit.note();
`;

/** To be called when all schedules are stored, and none has run. */
export async function installScheduleAudit(pool: pg.Pool): Promise<void> {
  await pool.query(AUDIT);
}

/** What must never be, each with a query that finds it. $1: until when all that was due has to have run. */
const VIOLATIONS: Record<string, string> = {
  'a due time that was lost': `
    SELECT key, slot_at FROM schedules WHERE slot_at <= $1`,
  'a due time that was completed twice': `
    SELECT f.key, f.slot FROM audit.ends e JOIN audit.effects f USING (key, token)
    WHERE e.completed AND f.slot <= $1 GROUP BY 1, 2 HAVING count(*) > 1`,
  'a due time that came again': `
    SELECT key, slot, next FROM audit.ends WHERE next <= slot AND slot <= $1`,
  'a due time that was completed without the effect of the run that completed it': `
    SELECT key, slot, token FROM audit.ends e WHERE completed AND slot <= $1
      AND NOT EXISTS (SELECT FROM audit.effects f WHERE f.key = e.key AND f.slot >= e.slot AND f.token = e.token)`,
  'an effect after its due time was completed': `
    SELECT f.key, f.slot, f.token FROM audit.effects f
    JOIN audit.effects o ON o.key = f.key AND o.slot = f.slot AND o.token < f.token
    JOIN audit.ends e ON e.key = o.key AND e.token = o.token
    WHERE e.completed AND f.slot <= $1`,
  'an effect of a claim that was not the newest': `
    SELECT f.key, f.token FROM audit.effects f JOIN audit.effects o ON o.key = f.key AND o.id < f.id
    WHERE o.token >= f.token AND f.slot <= $1`,
  'an effect of no claim': `
    SELECT f.key, f.token FROM audit.effects f
    WHERE f.slot <= $1 AND NOT EXISTS (SELECT FROM audit.claims c WHERE c.key = f.key AND c.token = f.token)`,
  'a claim while the lease of another one stood': `
    SELECT key, token, at, lease_before FROM audit.claims WHERE lease_before > at AND slot <= $1`,
  'a token that was given twice, or is not larger': `
    SELECT key, token FROM audit.claims WHERE token <= token_before AND slot <= $1
    UNION ALL SELECT min(key), token FROM audit.claims WHERE slot <= $1 GROUP BY token HAVING count(*) > 1`,
  'a schedule of which a due time is not accounted for': `
    SELECT s.key, s.turns, s.missed, round(extract(epoch FROM s.slot_at - b.slot)) AS elapsed
    FROM schedules s JOIN audit.began b USING (key)
    WHERE $1::timestamptz IS NOT NULL
      AND s.turns + s.missed <> round(extract(epoch FROM s.slot_at - b.slot) / ((s.timing::jsonb ->> 'every')::float8 / 1000))`,
};

/** Sentences that say what went wrong; none is as it should be. To be called when no replica runs any more. */
export async function findScheduleViolations(pool: pg.Pool, until: Date): Promise<string[]> {
  const found: string[] = [];
  await pool.query(`
    CREATE INDEX ON audit.effects (key, token); CREATE INDEX ON audit.ends (key, token); CREATE INDEX ON audit.claims (key, token);
    ANALYZE audit.effects, audit.ends, audit.claims`);
  for (const [what, sql] of Object.entries(VIOLATIONS)) {
    const { rows } = await pool.query<object>(sql, [until]);
    const shown = rows.slice(0, 3).map((row) => JSON.stringify(row));
    if (rows.length > 0) found.push(`${what}, ${rows.length} times, such as ${shown.join(', ')}`);
  }
  return found;
}

/** What has become of all that was due until then. */
export interface ScheduleTally {
  due: number;
  completed: number;
  claims: number;
  /** Claims of what a replica had claimed before, and left without a word. */
  takenOver: number;
  effects: number;
  /** Of due times that were run again because the replica died after the effect and before it could say so. */
  repeatedEffects: number;
  /** From a due time to its effect, milliseconds, of those since the first replicas were there. */
  p50: number;
  p99: number;
  longest: number;
}

export async function scheduleTally(pool: pg.Pool, from: Date, until: Date): Promise<ScheduleTally> {
  const { rows } = await pool.query<ScheduleTally>(
    `SELECT
      (SELECT sum(1 + floor(extract(epoch FROM $1 - b.slot) / ((s.timing::jsonb ->> 'every')::float8 / 1000)))::int
       FROM schedules s JOIN audit.began b USING (key) WHERE b.slot <= $1) AS due,
      (SELECT count(*)::int FROM audit.ends e JOIN audit.effects f USING (key, token)
       WHERE e.completed AND f.slot <= $1) AS completed,
      (SELECT count(*)::int FROM audit.claims WHERE slot <= $1) AS claims,
      (SELECT count(*)::int FROM audit.claims WHERE slot <= $1 AND lease_before IS NOT NULL) AS "takenOver",
      f.effects, f."repeatedEffects", f.late[1] AS p50, f.late[2] AS p99, f.late[3] AS longest
    FROM (
      SELECT count(*)::int AS effects, (count(*) - count(DISTINCT (key, slot)))::int AS "repeatedEffects",
        percentile_disc(ARRAY[0.5, 0.99, 1]) WITHIN GROUP (ORDER BY round(extract(epoch FROM at - slot) * 1000)::float8)
          FILTER (WHERE slot > $2) AS late
      FROM audit.effects WHERE slot <= $1
    ) AS f`,
    [until, from],
  );
  return rows[0]!;
}
