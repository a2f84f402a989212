import { useState } from 'preact/hooks';
import { type Act } from './actions.js';
import { ask, type Run } from './api.js';
import { cut, duration, instant, relative } from './format.js';
import { lasted } from './outcome-strip.js';
import { Changing } from './rights.js';
import { hrefs } from './route.js';
import { RunAgain } from './run-actions.js';
import { metricsOf, payloadOf, RunLog, Shards } from './run-details.js';
import { Failure } from './thrown.js';

/** The runs of a worker, newest first. */
export function Runs({ runs, now, act }: { runs: readonly Run[]; now: number; act: Act }) {
  const released = runs.some(({ release }) => release !== undefined);
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
            {released && <th>release</th>}
            <th>what it said</th>
            <th>
              <span class="unseen">actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <tr key={run.id}>
              <td title={instant(run.started_at)}>
                <a href={hrefs.run(run.id)}>{relative(run.started_at, now)}</a>
              </td>
              <td>
                <span class={`badge ${run.outcome}`}>{run.outcome}</span>
              </td>
              <td>{duration(lasted(run))}</td>
              <td>{duration(run.lateness_ms)}</td>
              <td>
                {run.trigger}
                {run.actor !== undefined && ` by ${cut(run.actor, 60)}`}
              </td>
              <td>{run.attempt}</td>
              {released && <td>{cut(run.release ?? '–', 40)}</td>}
              <td class="said">
                {run.error ? <Failure run={run} /> : cut(run.progress?.message ?? '')}
                {run.shards && <Shards shards={run.shards} />}
                {run.metrics && <div>{metricsOf(run.metrics)}</div>}
                <Log run={run} />
              </td>
              <td>
                {run.ended_at !== undefined && (
                  <Changing>
                    <RunAgain run={run} act={act} />
                  </Changing>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** What it logged, with what, and where, read when somebody opens it. */
function Log({ run: { id } }: { run: Run }) {
  const [run, setRun] = useState<Run | string>();
  const read = async (): Promise<void> => {
    try {
      setRun(await ask<Run>(`runs/${id}`));
    } catch (error) {
      setRun(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <details onToggle={(event) => event.currentTarget.open && void read()}>
      <summary>log</summary>
      {typeof run === 'string' && run}
      {typeof run === 'object' && <Details run={run} />}
    </details>
  );
}

function Details({ run }: { run: Run }) {
  const { log, payload, ran_on } = run;
  return (
    <>
      {ran_on && <div>{`on ${cut(ran_on.host, 100)}, process ${ran_on.pid}`}</div>}
      {payload !== undefined && <div>payload {payloadOf(run)}</div>}
      <RunLog log={log} />
    </>
  );
}
