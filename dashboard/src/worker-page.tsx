import { useMemo, useState } from 'preact/hooks';
import { ApiError, ask, post, type Run, type WorkerInfo } from './api.js';
import { RunCharts } from './charts/run-charts.js';
import { ErrorGroups } from './error-groups.js';
import { duration, instant, relative, schedule, visible } from './format.js';
import { useNow, useRuns, useWorker } from './live.js';
import { Notice, TokenForm } from './notice.js';
import { lasted, OutcomeStrip } from './outcome-strip.js';
import { hrefs } from './route.js';
import { Failure } from './thrown.js';

const MOST_RUNS = 200;

/** One worker: what it does now, what it did, why it failed, and what can be done about it. */
export function WorkerPage({ name }: { name: string }) {
  const path = `workers/${encodeURIComponent(name)}`;
  const { data: worker, error, refresh } = useWorker(name);
  const { data: list } = useRuns(name, MOST_RUNS);
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
      {worker.description && <p>{worker.description}</p>}
      <Actions
        path={path}
        worker={worker}
        running={runs.filter(({ outcome }) => outcome === 'running')}
        done={refresh}
      />
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
            {worker.last_change.actor !== undefined && ` by ${worker.last_change.actor}`}
          </Fact>
        )}
        {worker.holder && <Fact name="holder">{worker.holder}</Fact>}
      </dl>
      {worker.progress && (
        <p>
          <progress
            value={worker.progress.done}
            max={worker.progress.total ?? undefined}
            aria-label="progress"
          />{' '}
          {worker.progress.done}
          {worker.progress.total !== undefined && ` of ${worker.progress.total}`} {worker.progress.message}
        </p>
      )}
      <div class="history">
        <OutcomeStrip runs={runs} most={100} />
      </div>
      {charts}
      <ErrorGroups runs={runs} now={now} />
      {list && runs.length === 0 && <p class="empty">No runs are recorded.</p>}
      {runs.length > 0 && (
        <section aria-labelledby="runs">
          <h3 id="runs">Runs</h3>
          <Runs runs={runs} now={now} />
        </section>
      )}
    </>
  );
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Runs({ runs, now }: { runs: readonly Run[]; now: number }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Runs, newest first">
      <table>
        <thead>
          <tr>
            <th>started</th>
            <th>outcome</th>
            <th>took</th>
            <th>late</th>
            <th>trigger</th>
            <th>try</th>
            <th>what it said</th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <tr key={run.id}>
              <td title={instant(run.started_at)}>{relative(run.started_at, now)}</td>
              <td>
                <span class={`badge ${run.outcome}`}>{run.outcome}</span>
              </td>
              <td>{duration(lasted(run))}</td>
              <td>{duration(run.lateness_ms)}</td>
              <td>
                {run.trigger}
                {run.actor !== undefined && ` by ${run.actor}`}
              </td>
              <td>{run.attempt}</td>
              <td class="said">
                {run.error ? <Failure run={run} /> : visible(run.progress?.message ?? '')}
                {run.metrics && <Metrics metrics={run.metrics} />}
                <Log run={run} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Metrics({ metrics }: { metrics: Record<string, number> }) {
  return (
    <div>
      {Object.entries(metrics)
        .map(([name, value]) => `${name} ${value}`)
        .join(', ')}
    </div>
  );
}

/** What it logged, read when somebody opens it. */
function Log({ run: { id } }: { run: Run }) {
  const [log, setLog] = useState<Run['log'] | string>();
  const read = async (): Promise<void> => {
    try {
      setLog((await ask<Run>(`runs/${id}`)).log ?? 'It logged nothing.');
    } catch (error) {
      setLog(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <details onToggle={(event) => event.currentTarget.open && void read()}>
      <summary>log</summary>
      {typeof log === 'string' && log}
      {typeof log === 'object' && (
        <pre>
          {log.dropped > 0 && `${log.dropped} earlier lines were not kept\n`}
          {log.lines.map(({ at, level, message }) => `${at} ${level} ${visible(message)}`).join('\n')}
        </pre>
      )}
    </details>
  );
}

interface ActionsProps {
  path: string;
  worker: WorkerInfo;
  /** Its active runs. */
  running: readonly Run[];
  done: () => void;
}

function Actions({ path, worker, running, done }: ActionsProps) {
  const [answer, setAnswer] = useState<string>();
  const [refused, setRefused] = useState<ApiError>();
  const act = async (target: string, question: string, said: string): Promise<void> => {
    if (!confirm(question)) return;
    setRefused(undefined);
    try {
      await post(target);
      setAnswer(said);
      done();
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) setRefused(error);
      else setAnswer(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <div class="actions">
      <button onClick={() => void act(`${path}/trigger`, `Run ${worker.name} now?`, 'A run was asked for.')}>
        Run now
      </button>
      {worker.state === 'paused' ? (
        <button onClick={() => void act(`${path}/resume`, `Resume ${worker.name}?`, 'It ticks again.')}>
          Resume
        </button>
      ) : (
        <button onClick={() => void act(`${path}/pause`, `Pause ${worker.name}?`, 'It ticks no more.')}>
          Pause
        </button>
      )}
      {running.map(({ id, started_at }) => (
        <button
          key={id}
          onClick={() =>
            void act(
              `runs/${id}/cancel`,
              `Cancel the run that started at ${started_at}?`,
              'The run is told to end.',
            )
          }
        >
          Cancel the active run
        </button>
      ))}
      {answer && <span role="status">{answer}</span>}
      {refused && <TokenForm reason={refused.message} done={() => setRefused(undefined)} />}
    </div>
  );
}
