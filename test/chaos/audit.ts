import type pg from 'pg';

/**
 * Has PostgreSQL itself write down every grant and every end of a run, in the transaction that makes it and by its own
 * clock. What the replicas believe plays no part.
 */
const AUDIT = `
CREATE SCHEMA IF NOT EXISTS chaos;
CREATE TABLE chaos.effects (
  id bigserial PRIMARY KEY, worker text, slot timestamptz, attempt int, token bigint, run uuid,
  at timestamptz DEFAULT clock_timestamp()
);
CREATE TABLE chaos.moves (
  id bigserial PRIMARY KEY, at timestamptz NOT NULL, worker text NOT NULL,
  slot timestamptz NOT NULL, token_before bigint NOT NULL, token bigint NOT NULL,
  run_before uuid, run uuid, holder_before uuid, holder uuid, lease_before timestamptz,
  attempt int NOT NULL, completed boolean NOT NULL, slot_before timestamptz NOT NULL
);
CREATE INDEX ON chaos.moves (worker, at);
CREATE TABLE chaos.began AS SELECT name AS worker, slot FROM workers.workers;

CREATE FUNCTION chaos.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO chaos.moves VALUES (
    DEFAULT, clock_timestamp(), NEW.name, NEW.slot, OLD.fencing, NEW.fencing, OLD.run_id, NEW.run_id,
    OLD.holder, NEW.holder, OLD.lease_until, NEW.attempt, NEW.run_count > OLD.run_count, OLD.slot
  );
  RETURN NULL;
END $$;
CREATE TRIGGER note AFTER UPDATE ON workers.workers FOR EACH ROW
  WHEN (OLD.fencing <> NEW.fencing OR OLD.holder IS DISTINCT FROM NEW.holder OR OLD.run_count <> NEW.run_count)
  EXECUTE FUNCTION chaos.note();
`;

/** To be called when the workers are known there, and none has run. */
export async function installAudit(pool: pg.Pool): Promise<void> {
  await pool.query(AUDIT);
}

/** What must never be, each with a query that finds it. */
const VIOLATIONS: Record<string, string> = {
  'a token that is not the next one': `
    SELECT worker, token_before, token FROM chaos.moves WHERE token NOT IN (token_before, token_before + 1)`,
  'a token that was given twice': `
    SELECT worker, token FROM chaos.moves WHERE token <> token_before GROUP BY 1, 2 HAVING count(*) > 1`,
  'a run that was granted twice': `
    SELECT run FROM chaos.moves WHERE token <> token_before GROUP BY 1 HAVING count(*) > 1`,
  'a grant while a lease stood': `
    SELECT worker, token, at, lease_before FROM chaos.moves
    WHERE token <> token_before AND holder_before IS NOT NULL AND lease_before > at`,
  'a grant before its time': `
    SELECT worker, slot, at FROM chaos.moves WHERE token <> token_before AND slot > at`,
  'a slot that went back': `
    SELECT worker, slot_before, slot FROM chaos.moves WHERE slot < slot_before`,
  'a slot that was completed twice': `
    SELECT worker, slot_before FROM chaos.moves WHERE completed GROUP BY 1, 2 HAVING count(*) > 1`,
  'an effect of a run that was not the newest': `
    SELECT e.worker, e.token FROM chaos.effects e
    WHERE EXISTS (SELECT FROM chaos.effects o WHERE o.worker = e.worker AND o.id < e.id AND o.token >= e.token)`,
  'an effect after the slot was completed': `
    SELECT e.worker, e.slot FROM chaos.effects e
    JOIN chaos.effects o ON o.worker = e.worker AND o.slot = e.slot AND o.id < e.id
    JOIN chaos.moves m ON m.completed AND m.run_before = o.run`,
  'a slot that was completed without its effect': `
    SELECT m.worker, m.slot_before FROM chaos.moves m
    WHERE m.completed AND m.worker IN (SELECT worker FROM chaos.effects)
      AND NOT EXISTS (SELECT FROM chaos.effects e WHERE e.worker = m.worker AND e.run = m.run_before)`,
  'a slot that is not accounted for': `
    SELECT w.name, w.run_count, w.skipped_count, w.missed_count, w.superseded_count, w.done,
      round(extract(epoch FROM w.slot - b.slot)) AS elapsed
    FROM workers.workers w JOIN chaos.began b ON b.worker = w.name
    WHERE w.run_count + w.skipped_count + w.missed_count + w.superseded_count + (NOT w.done)::int
      <> round(extract(epoch FROM w.slot - b.slot) / ((w.timing::jsonb ->> 'every')::float8 / 1000))`,
};

/** Sentences that say what went wrong; none is as it should be. To be called when no replica runs any more. */
export async function findViolations(pool: pg.Pool): Promise<string[]> {
  const found: string[] = [];
  for (const [what, sql] of Object.entries(VIOLATIONS)) {
    const { rows } = await pool.query<object>(sql);
    if (rows.length > 0)
      found.push(
        `${what}, ${rows.length} times, such as ${rows
          .slice(0, 3)
          .map((row) => JSON.stringify(row))
          .join(', ')}`,
      );
  }
  return found;
}

/** What has become of slots and runs, over all workers. */
export interface Tally {
  completed: number;
  skipped: number;
  missed: number;
  superseded: number;
  owed: number;
  elapsed: number;
  /** Runs whose replica fell silent. */
  lost: number;
  grants: number;
  effects: number;
  /** Of slots that were run again because the holder died after the effect and before it could say so. */
  repeatedEffects: number;
}

export async function tally(pool: pg.Pool): Promise<Tally> {
  const { rows } = await pool.query<Tally>(`
    SELECT sum(run_count)::int AS completed, sum(skipped_count)::int AS skipped, sum(missed_count)::int AS missed,
      sum(superseded_count)::int AS superseded, sum((NOT done)::int)::int AS owed, sum(lost_count)::int AS lost,
      sum(round(extract(epoch FROM w.slot - b.slot) * 1000 / (timing::jsonb ->> 'every')::float8))::int AS elapsed,
      (SELECT count(*) FROM chaos.moves WHERE token <> token_before)::int AS grants,
      (SELECT count(*) FROM chaos.effects)::int AS effects,
      (SELECT count(*) - count(DISTINCT (worker, slot)) FROM chaos.effects)::int AS "repeatedEffects"
    FROM workers.workers w JOIN chaos.began b ON b.worker = w.name`);
  return rows[0]!;
}

/** How long after a replica's death each of its workers was granted to another one, milliseconds. */
export interface Takeovers {
  /** Workers that nobody ran at that moment. */
  idle: number[];
  /** When the slots that those were granted were due, counted likewise: more than an interval if one passed. */
  idleSlots: number[];
  /** Workers that it ran. */
  midRun: number[];
}

/**
 * If the one that would have taken over dies as well, it is counted from its death.
 * @param kills ids of replicas and when they died, by the machine's clock, which is PostgreSQL's too
 */
export async function takeovers(
  pool: pg.Pool,
  kills: readonly { replica: string; at: number }[],
): Promise<Takeovers> {
  const { rows } = await pool.query<{ idle: boolean; after: number | null; slotAfter: number | null }>(
    `
    SELECT before.holder IS NULL AS idle,
      extract(epoch FROM next.at - to_timestamp(k.at / 1000))::float8 * 1000 AS after,
      extract(epoch FROM next.slot - to_timestamp(k.at / 1000))::float8 * 1000 AS "slotAfter"
    FROM jsonb_to_recordset($1::jsonb) AS k (replica uuid, at float8)
    CROSS JOIN chaos.began AS b
    CROSS JOIN LATERAL (
      SELECT holder FROM chaos.moves WHERE worker = b.worker AND at <= to_timestamp(k.at / 1000)
      ORDER BY at DESC, id DESC LIMIT 1
    ) AS before
    LEFT JOIN LATERAL (
      SELECT at, slot FROM chaos.moves
      WHERE worker = b.worker AND at > to_timestamp(k.at / 1000) AND token <> token_before
      ORDER BY at, id LIMIT 1
    ) AS next ON true
    WHERE (before.holder IS NULL AND NOT EXISTS (
      SELECT FROM jsonb_to_recordset($1::jsonb) AS o (at float8)
      WHERE o.at > k.at AND to_timestamp(o.at / 1000) < next.at
    )) OR before.holder = k.replica`,
    [JSON.stringify(kills)],
  );
  const idle = rows.filter((row) => row.idle);
  const midRun = rows.filter((row) => !row.idle);
  return {
    idle: idle.map(({ after }) => after ?? Infinity),
    idleSlots: idle.map(({ slotAfter }) => slotAfter ?? Infinity),
    midRun: midRun.map(({ after }) => after ?? Infinity),
  };
}
