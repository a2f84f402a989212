import { useEffect, useMemo, useState } from 'preact/hooks';
import { type Act, useAction } from './actions.js';
import { ask, type Run, type WorkerInfo } from './api.js';
import { RunCharts } from './charts/run-charts.js';
import { Definition } from './definition.js';
import { ErrorGroups } from './error-groups.js';
import { Fact } from './fact.js';
import { cut, instant, relative, schedule, visible } from './format.js';
import { Host } from './hosts.js';
import { useNow, useRuns, useWorker } from './live.js';
import { Notice } from './notice.js';
import { OutcomeStrip } from './outcome-strip.js';
import { PayloadField, payloadIn } from './payload-field.js';
import { Changing } from './rights.js';
import { hrefs } from './route.js';
import { CancelRun, requested } from './run-actions.js';
import { Progress } from './run-details.js';
import { RunPages } from './run-pages.js';
import { scheduleIn, ScheduleFields } from './schedule-fields.js';

const MOST_RUNS = 200;

/** One worker: what it does now, what it did, why it failed, and what can be done about it. */
export function WorkerPage({ name }: { name: string }) {
  const path = `workers/${encodeURIComponent(name)}`;
  const { data: worker, error, refresh } = useWorker(name);
  const { data: list, error: unread, refresh: readAgain } = useRuns(name, MOST_RUNS);
  const { act, outcome } = useAction(refresh);
  const now = useNow();
  const charts = useMemo(() => list && <RunCharts runs={list} />, [list]);
  if (!worker) return <Notice error={error} retry={refresh} />;
  const runs = list ?? [];
  return (
    <>
      {error !== undefined && <Notice error={error} retry={refresh} />}
      <p>
        <a href={hrefs.overview}>All workers</a>
      </p>
      <h2>
        {visible(name)} <span class={`badge ${worker.state}`}>{worker.state}</span>
      </h2>
      {worker.description && <p>{cut(worker.description, 1_000)}</p>}
      <div class="actions">
        <Changing>
          <Actions
            path={path}
            worker={worker}
            running={runs.filter(({ outcome }) => outcome === 'running')}
            act={act}
          />
        </Changing>
        {outcome}
      </div>
      <dl class="facts">
        <Fact name="schedule">{schedule(worker)}</Fact>
        <Fact name="next run">{worker.next_run ? relative(worker.next_run, now) : '–'}</Fact>
        {worker.until && <Fact name="ends">{relative(worker.until, now)}</Fact>}
        {worker.remaining_runs !== undefined && <Fact name="runs left">{worker.remaining_runs}</Fact>}
        <Fact name="last run">{worker.last_run ? relative(worker.last_run, now) : 'never'}</Fact>
        <Fact name="last success">{worker.last_success ? relative(worker.last_success, now) : 'never'}</Fact>
        <Fact name="runs">{worker.run_count}</Fact>
        <Fact name="failures in a row">{worker.consecutive_failures}</Fact>
        <Fact name="skipped">{worker.skipped_count}</Fact>
        <Fact name="missed">{worker.missed_count}</Fact>
        {worker.last_change && (
          <Fact name={worker.last_change.change}>
            {relative(worker.last_change.at, now)}
            {worker.last_change.actor !== undefined && ` by ${cut(worker.last_change.actor, 60)}`}
          </Fact>
        )}
        {worker.holder && (
          <Fact name="runs on">
            <Host id={worker.holder} />
          </Fact>
        )}
      </dl>
      <Definition path={path} />
      {worker.progress && <Progress progress={worker.progress} />}
      <div class="history">
        <OutcomeStrip runs={runs} most={100} />
      </div>
      {charts}
      <Upcoming path={path} next={worker.next_run} />
      <ErrorGroups runs={runs} now={now} />
      {unread !== undefined && error === undefined && <Notice error={unread} retry={readAgain} />}
      {list && runs.length === 0 && <p class="empty">No runs are recorded.</p>}
      {runs.length > 0 && <RunPages path={path} newest={runs} now={now} act={act} />}
    </>
  );
}

interface ActionsProps {
  path: string;
  worker: WorkerInfo;
  /** Its active runs. */
  running: readonly Run[];
  act: Act;
}

function Actions({ path, worker: { name, state }, running, act }: ActionsProps) {
  const shown = visible(name);
  return (
    <>
      <button
        onClick={() =>
          act(`${path}/trigger`, `Run ${shown} now?`, requested('Run requested.'), {
            fields: <PayloadField />,
            body: payloadIn,
          })
        }
      >
        Run now
      </button>
      {state === 'paused' ? (
        <button onClick={() => act(`${path}/resume`, `Resume ${shown}?`, 'Resumed.')}>Resume</button>
      ) : (
        <button onClick={() => act(`${path}/pause`, `Pause ${shown}?`, 'Paused.')}>Pause</button>
      )}
      <button
        onClick={() =>
          act(`${path}/reschedule`, `Give ${shown} another schedule?`, 'Rescheduled.', {
            fields: <ScheduleFields />,
            body: scheduleIn,
          })
        }
      >
        Reschedule
      </button>
      {running.map((run) => (
        <CancelRun key={run.id} run={run} title="Cancel the active run" act={act} />
      ))}
    </>
  );
}

/** The slots that come next, asked for again when the first of them has come. */
function Upcoming({ path, next }: { path: string; next?: string | undefined }) {
  const [slots, setSlots] = useState<{ at: string; time_zone?: string }[]>([]);
  useEffect(() => {
    let ended = false;
    ask<{ items: typeof slots }>(`${path}/upcoming?limit=5`).then(
      ({ items }) => void (ended || setSlots(items)),
      () => {},
    );
    return () => void (ended = true);
  }, [path, next]);
  if (slots.length === 0) return null;
  return (
    <section aria-labelledby="upcoming">
      <h3 id="upcoming">Next</h3>
      <ol class="upcoming">
        {slots.map(({ at, time_zone }) => (
          <li key={at}>
            <time dateTime={at}>{instant(at)}</time>
            {time_zone !== undefined && <span class="quiet"> · {inZone(at, time_zone)}</span>}
          </li>
        ))}
      </ol>
    </section>
  );
}

function inZone(at: string, timeZone: string): string {
  const there = new Date(at).toLocaleString(undefined, {
    dateStyle: 'medium',
    timeStyle: 'medium',
    timeZone,
  });
  return `${there} in ${timeZone}`;
}
