import { dropDeferred, requestWaits } from './conditions.js';
import { asInstant, asInterval, asMs } from './record.js';

/** The columns that the end of a run sets, when it ended by itself. */
const status = `
        last_end = clock_timestamp(),
        last_success = CASE WHEN _succeeded THEN clock_timestamp() ELSE w.last_success END,
        last_error = _error,
        last_duration_ms = _duration,
        progress = NULL,
        run_count = w.run_count + 1,
        consecutive_failures = CASE
          WHEN _succeeded THEN 0
          WHEN _succeeded IS NULL THEN w.consecutive_failures
          ELSE w.consecutive_failures + 1
        END,
        not_before = CASE
          WHEN _delay IS NULL THEN w.not_before
          WHEN _delay > 0 AND NOT (_retry AND w.paused) THEN clock_timestamp() + ${asInterval('_delay')}
        END`;

const done = `(w.done OR w.request_id IS NULL)`;

/** What is owed after the run: its slot again, another slot (after a run for a request), or nothing. */
const owed = `CASE
          WHEN w.request_id IS NULL THEN CASE WHEN _retry AND NOT w.paused THEN w.attempt + 1 END
          WHEN (_succeeded OR _retry AND NOT w.paused) AND w.done THEN NULL
          ELSE w.owed
        END`;

const passes = `(${done} AND (${owed}) IS NULL AND coalesce(v_passed > w.slot, false))`;

/**
 * Releases a lease, if its token is the last one, and once: a repeated call writes nothing and gets the same answer
 * (`accepted`). A function with a generic plan, for the reasons of `claimFunction`.
 *
 * Durations and instants are in milliseconds. `_kind`: `done`, `undone`, `unrun`. `_delay`: how long no run for a slot is
 * granted; 0: no wait; null: unchanged. `_outcome`: the run's record, for the replica that requested it. `_passed`: the
 * last slot that passed during the run, or null; `_skipped`: their number. `_succeeded`: null for a cancelled run, which
 * is neither success nor failure.
 */
export const releaseFunction = (schema: string): string =>
  `
CREATE OR REPLACE FUNCTION SCHEMA.release(
  _worker text, _run uuid, _fencing bigint, _kind text, _tell boolean, _leased boolean, _request uuid,
  _succeeded boolean, _error text, _duration float8, _delay float8, _outcome jsonb, _retry boolean, _passed float8,
  _skipped int
) RETURNS TABLE (accepted boolean, "time" float8, record json)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  v_passed CONSTANT timestamptz := ${asInstant('_passed')};
  v_row SCHEMA.workers;
  v_again boolean := false;
  v_newer uuid;
BEGIN
  IF _leased THEN
    IF _kind = 'done' THEN
      UPDATE SCHEMA.workers AS w SET${status},
        holder = NULL, lease_until = NULL, cancel_requested = false, revision = w.revision + _tell::int,
        done = ${done},
        owed = ${owed},
        slot = CASE WHEN ${passes} THEN v_passed ELSE w.slot END,
        skipped_count = w.skipped_count + CASE WHEN ${passes} THEN _skipped ELSE 0 END
      WHERE w.name = _worker AND w.run_id = _run AND w.fencing = _fencing AND w.holder IS NOT NULL
      RETURNING * INTO v_row;
    ELSE
      -- What it stood for is owed, as the claim has written: of one that never began, the same attempt.
      UPDATE SCHEMA.workers AS w SET
        holder = NULL, lease_until = NULL, cancel_requested = false, revision = w.revision + _tell::int,
        owed = CASE WHEN _kind = 'unrun' AND w.request_id IS NULL THEN w.attempt ELSE w.owed END,
        begun = w.begun - (_kind = 'unrun' AND w.request_id IS NULL AND w.attempt = 1)::int
      WHERE w.name = _worker AND w.run_id = _run AND w.fencing = _fencing AND w.holder IS NOT NULL
      RETURNING * INTO v_row;
    END IF;
  ELSIF _kind <> 'done' THEN
    UPDATE SCHEMA.workers AS w SET
      revision = w.revision + _tell::int, begun = w.begun - (_kind = 'unrun' AND _request IS NULL)::int
    WHERE w.name = _worker
    RETURNING * INTO v_row;
  ELSIF NOT EXISTS (
    -- Without a lease, only the number of the attempt says that its retry has begun, or waits.
    SELECT FROM SCHEMA.requests AS r WHERE r.id = _request AND (
      r.ended_at IS NOT NULL
      OR _retry AND (r.heard_of IS NULL OR r.attempts IS DISTINCT FROM (_outcome ->> 'attempt')::int)
    )
  ) THEN
    UPDATE SCHEMA.workers AS w SET${status}, revision = w.revision + _tell::int,
      owed = CASE
        WHEN _retry AND NOT w.paused AND _request IS NULL AND w.run_id = _run THEN w.attempt + 1
        WHEN (_succeeded OR _retry AND NOT w.paused AND _request IS NOT NULL) AND w.done THEN NULL
        ELSE w.owed
      END
    WHERE w.name = _worker
    RETURNING * INTO v_row;
  END IF;

  IF v_row.name IS NULL THEN
    SELECT * INTO v_row FROM SCHEMA.workers AS w WHERE w.name = _worker;
    IF NOT FOUND THEN RETURN; END IF;
    accepted := NOT _leased OR v_row.run_id = _run AND v_row.fencing = _fencing;
  ELSE
    accepted := true;
    -- Not of a slot beside which, without a lease, a newer one has begun.
    v_again := _kind = 'done' AND _retry AND NOT v_row.paused AND (_request IS NOT NULL OR v_row.run_id = _run);
    IF v_row.deferring AND (v_again OR _kind = 'done' AND _succeeded) THEN
      ${dropDeferred('SCHEMA.requests', '_worker', '_request')};
      UPDATE SCHEMA.workers AS w SET deferring = false WHERE w.name = _worker RETURNING * INTO v_row;
    END IF;
    IF v_again AND _leased THEN
      -- What has waited for the end of the run is newer, and waits longer.
      SELECT r.id INTO v_newer FROM SCHEMA.requests AS r
      WHERE r.worker = _worker AND r.ended_at IS NULL AND r.trigger <> 'manual' AND r.attempts = 0
        AND r.not_before IS NULL AND r.id IS DISTINCT FROM _request AND ${requestWaits('r', 'v_row', 'clock_timestamp()')}
      ORDER BY r.requested_at, r.id LIMIT 1;
      IF FOUND THEN v_again := false; END IF;
    END IF;
    IF v_again AND _request IS NOT NULL OR v_newer IS NOT NULL THEN
      UPDATE SCHEMA.workers AS w SET
        deferring = true, owed = CASE WHEN w.done AND v_newer IS NOT NULL THEN NULL ELSE w.owed END
      WHERE w.name = _worker RETURNING * INTO v_row;
      -- A failure uses up no attempt: those are for runs that do not come to their end.
      UPDATE SCHEMA.requests AS r SET
        not_before = coalesce(v_row.not_before, clock_timestamp()),
        max_attempts = r.max_attempts + (v_newer IS NULL)::int,
        heard_of = NULL
      WHERE r.id = coalesce(v_newer, _request);
    END IF;
    IF _kind = 'done' AND _request IS NOT NULL AND NOT v_again THEN
      UPDATE SCHEMA.requests SET ended_at = clock_timestamp(), outcome = jsonb_build_object('run', _outcome)
      WHERE id = _request AND ended_at IS NULL;
    END IF;
  END IF;
  time := ${asMs('clock_timestamp()')};
  record := SCHEMA.record(v_row);
  RETURN NEXT;
END
$$;
`.replaceAll('SCHEMA', schema);

export const release = (schema: string): string =>
  `SELECT * FROM ${schema}.release($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`;
