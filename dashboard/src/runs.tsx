import { useState } from 'preact/hooks';
import { type Act } from './actions.js';
import { ask, type Run } from './api.js';
import { cut, duration, instant, relative, visible } from './format.js';
import { lasted } from './outcome-strip.js';
import { Changing } from './rights.js';
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
              <td title={instant(run.started_at)}>{relative(run.started_at, now)}</td>
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
                {run.metrics && <Metrics metrics={run.metrics} />}
                <Log run={run} />
              </td>
              <td>
                {run.ended_at !== undefined && (
                  <Changing>
                    <button
                      class="small"
                      onClick={() =>
                        act(
                          `runs/${run.id}/rerun`,
                          `Run ${visible(run.worker)} again, with the payload of the run of ${instant(run.started_at)}?`,
                          'Run with the same payload requested.',
                        )
                      }
                    >
                      Run again
                    </button>
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

function Shards({ shards: { total, done, failed } }: { shards: NonNullable<Run['shards']> }) {
  return (
    <div>
      <progress value={done + failed} max={total} aria-label="shards" /> {done} of {total} shards
      {failed > 0 && `, ${failed} failed`}
    </div>
  );
}

function Metrics({ metrics }: { metrics: Record<string, number> }) {
  return (
    <div>
      {Object.entries(metrics)
        .map(([name, value]) => `${cut(name, 60)} ${value}`)
        .join(', ')}
    </div>
  );
}

/** Characters of a payload that are shown. */
const LONGEST_PAYLOAD = 5_000;

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

function Details({ run: { log, payload, ran_on } }: { run: Run }) {
  return (
    <>
      {ran_on && <div>{`on ${cut(ran_on.host, 100)}, process ${ran_on.pid}`}</div>}
      {payload !== undefined && <div>payload {cut(JSON.stringify(payload), LONGEST_PAYLOAD)}</div>}
      {log ? (
        <pre>
          {log.dropped > 0 && `${log.dropped} earlier lines were not kept\n`}
          {log.lines.map(({ at, level, message }) => `${at} ${level} ${visible(message)}`).join('\n')}
        </pre>
      ) : (
        'It logged nothing.'
      )}
    </>
  );
}
