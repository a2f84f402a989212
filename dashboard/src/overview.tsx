import { useState } from 'preact/hooks';
import { type WorkerInfo } from './api.js';
import { cut, duration, relative, schedule } from './format.js';
import { useNow, useRuns, useWorkers } from './live.js';
import { Notice } from './notice.js';
import { OutcomeStrip } from './outcome-strip.js';
import { hrefs } from './route.js';

/** Workers beyond this are listed without their last runs: each strip is a request of its own. */
const MOST_STRIPS = 40;

/** Every worker, those in trouble first. */
export function Overview() {
  const { data: workers, error, refresh } = useWorkers();
  const [filter, setFilter] = useState('');
  const now = useNow();
  if (!workers) return <Notice error={error} retry={refresh} />;
  const troubled = workers.filter(inTrouble).length;
  const shown = workers
    .filter(({ name }) => name.toLowerCase().includes(filter.toLowerCase()))
    .toSorted((a, b) => Number(inTrouble(b)) - Number(inTrouble(a)) || a.name.localeCompare(b.name));
  return (
    <>
      {error !== undefined && <Notice error={error} retry={refresh} />}
      <div class="toolbar">
        <p class={troubled ? 'summary bad' : 'summary'}>
          {troubled
            ? `${troubled} of ${workers.length} workers in trouble`
            : `${workers.length} workers, all well`}
        </p>
        <input
          type="search"
          placeholder="Filter by name"
          aria-label="Filter workers by name"
          value={filter}
          onInput={({ currentTarget }) => setFilter(currentTarget.value)}
        />
      </div>
      {shown.length === 0 && (
        <p class="empty">
          {workers.length
            ? 'No worker has such a name.'
            : 'No workers yet: decorate a method of a provider with @Interval.'}
        </p>
      )}
      <ul class="workers">
        {shown.map((worker, index) => (
          <WorkerRow key={worker.name} worker={worker} now={now} strip={index < MOST_STRIPS} />
        ))}
      </ul>
    </>
  );
}

function WorkerRow({ worker, now, strip }: { worker: WorkerInfo; now: number; strip: boolean }) {
  const { name, state, conditions, next_run, last_run, last_error, last_duration_ms, run_count } = worker;
  return (
    <li class={inTrouble(worker) ? 'worker bad' : 'worker'}>
      <div class="who">
        <a href={hrefs.worker(name)}>{name}</a>
        <span class="quiet">{schedule(worker)}</span>
      </div>
      <div class="badges">
        <span class={`badge ${state}`}>{state}</span>
        {conditions
          .filter((condition) => condition !== state)
          .map((condition) => (
            <span key={condition} class="badge failed">
              {condition}
            </span>
          ))}
      </div>
      {strip ? <Strip name={name} /> : <span />}
      <dl>
        <dt>next</dt>
        <dd>{next_run ? relative(next_run, now) : '–'}</dd>
        <dt>last</dt>
        <dd>{last_run ? relative(last_run, now) : 'never'}</dd>
        <dt>took</dt>
        <dd>{last_duration_ms === undefined ? '–' : duration(last_duration_ms)}</dd>
        <dt>runs</dt>
        <dd>{run_count}</dd>
      </dl>
      {last_error && <p class="error">{cut(last_error)}</p>}
    </li>
  );
}

function Strip({ name }: { name: string }) {
  const { data = [] } = useRuns(name, 30);
  return <OutcomeStrip runs={data} />;
}

export function inTrouble({ conditions, consecutive_failures, state }: WorkerInfo): boolean {
  return conditions.length > 0 || consecutive_failures > 0 || state === 'stuck';
}
