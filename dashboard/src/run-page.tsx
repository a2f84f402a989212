import { type ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';
import { useAction } from './actions.js';
import { type Run } from './api.js';
import { Fact } from './fact.js';
import { cut, duration, instant, relative, visible } from './format.js';
import { Host } from './hosts.js';
import { useNow, usePolled } from './live.js';
import { Notice } from './notice.js';
import { lasted } from './outcome-strip.js';
import { Changing } from './rights.js';
import { hrefs } from './route.js';
import { CancelRun, RunAgain } from './run-actions.js';
import { metricsOf, payloadOf, Progress, RunLog, Shards } from './run-details.js';
import { Thrown } from './thrown.js';

/** One run: how it went, with what, where, why it failed, and what it logged. */
export function RunPage({ id }: { id: string }) {
  const last = useRef<Run>();
  const isOver = last.current?.ended_at !== undefined;
  const { data, error, refresh } = usePolled<Run>(isOver ? undefined : `runs/${encodeURIComponent(id)}`);
  const { act, outcome } = useAction(refresh);
  const now = useNow();
  if (data) last.current = data;
  const run = last.current;
  if (!run) return <Notice error={error} retry={refresh} />;
  return (
    <>
      {error !== undefined && <Notice error={error} retry={refresh} />}
      <p>
        <a href={hrefs.worker(run.worker)}>{cut(run.worker, 200)}</a>
      </p>
      <h2>
        Run of {instant(run.started_at)} <span class={`badge ${run.outcome}`}>{run.outcome}</span>
      </h2>
      <div class="actions">
        <Changing>
          {run.ended_at === undefined ? (
            <CancelRun run={run} title="Cancel this run" act={act} />
          ) : (
            <RunAgain run={run} act={act} />
          )}
        </Changing>
        {outcome}
      </div>
      <Facts run={run} now={now} />
      {run.progress && <Progress progress={run.progress} />}
      {run.shards && <Shards shards={run.shards} />}
      {run.error && (
        <Part title="Error">
          <div class="thrown">
            <Thrown error={run.error} open />
          </div>
        </Part>
      )}
      {run.payload !== undefined && (
        <Part title="Payload">
          <pre>{payloadOf(run, 2)}</pre>
        </Part>
      )}
      <Part title="Log">
        <RunLog log={run.log} />
      </Part>
    </>
  );
}

function Facts({ run, now }: { run: Run; now: number }) {
  const { trigger, actor, attempt, scheduled_at, started_at, ended_at, lateness_ms } = run;
  const { key, release, metrics, ran_on, replica, blocked_ms, id } = run;
  return (
    <dl class="facts">
      <Fact name="started">{relative(started_at, now)}</Fact>
      <Fact name="ended">{ended_at === undefined ? '–' : relative(ended_at, now)}</Fact>
      <Fact name="took">{duration(lasted(run))}</Fact>
      <Fact name="due">{instant(scheduled_at)}</Fact>
      <Fact name="late">{duration(lateness_ms)}</Fact>
      <Fact name="trigger">
        {trigger}
        {actor !== undefined && ` by ${cut(actor, 60)}`}
      </Fact>
      <Fact name="try">{attempt}</Fact>
      {key !== undefined && <Fact name="schedule">{cut(key, 200)}</Fact>}
      {release !== undefined && <Fact name="release">{cut(release, 60)}</Fact>}
      {blocked_ms !== undefined && <Fact name="event loop blocked">{duration(blocked_ms)}</Fact>}
      {metrics && <Fact name="metrics">{metricsOf(metrics)}</Fact>}
      <Fact name="ran on">
        {ran_on ? `${cut(ran_on.host, 100)}, process ${ran_on.pid}` : <Host id={replica} />}
      </Fact>
      <Fact name="id">{visible(id)}</Fact>
    </dl>
  );
}

function Part({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      {children}
    </section>
  );
}
