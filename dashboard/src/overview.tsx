import { useState } from 'preact/hooks';
import { type Act, useAction } from './actions.js';
import { type Tab, type WorkerInfo } from './api.js';
import { cut, duration, relative, schedule, visible } from './format.js';
import { Host } from './hosts.js';
import { useNow, useRuns, useWorkers } from './live.js';
import { Notice } from './notice.js';
import { OpenIncidents } from './open-incidents.js';
import { OutcomeStrip } from './outcome-strip.js';
import { Changing } from './rights.js';
import { hrefs } from './route.js';
import { VirtualList } from './virtual-list.js';

/** What may be listed alone. */
const FILTERS: Record<string, (worker: WorkerInfo) => boolean> = {
  all: () => true,
  'in trouble': inTrouble,
  running: ({ active_runs }) => active_runs > 0,
  paused: ({ state }) => state === 'paused',
};

/** Which of them can be changed all at once: those that the API can name as the page does. */
const BULK: Record<string, Record<string, string>> = { all: {}, paused: { state: 'paused' } };

function bulk(change: 'pause' | 'resume', kind: string, text: string, count: number): Parameters<Act> {
  const query = new URLSearchParams({ ...BULK[kind], ...(text && { text }) });
  if (query.size === 0) query.set('all', 'true');
  const [doing, done] = change === 'pause' ? ['Pause', 'paused'] : ['Resume', 'resumed'];
  return [
    `workers/${change}?${query}`,
    `${doing} ${count === 1 ? 'this worker' : `all ${count} workers that are shown`}?`,
    (answer) => {
      const { changed, failed } = answer as { changed: string[]; failed: { name: string; detail: string }[] };
      const refused = failed.map(({ name, detail }) => `${visible(name)}: ${detail}`).join('; ');
      return `${changed.length} ${done}.${refused && ` Not: ${cut(refused)}`}`;
    },
  ];
}

/**
 * What is wrong first: open incidents, then workers in trouble, then the others.
 * @param props.incidents their tab, where the application has one
 */
export function Overview({ incidents }: { incidents?: Tab | undefined }) {
  const { data: workers, error, refresh } = useWorkers();
  const [text, setText] = useState('');
  const [kind, setKind] = useState('all');
  const now = useNow();
  const { act, outcome } = useAction(refresh);
  if (!workers) return <Notice error={error} retry={refresh} />;
  const troubled = workers.filter(inTrouble).length;
  const wanted = text.toLowerCase();
  const shown = workers
    .filter(FILTERS[kind]!)
    .filter(({ name, group = '', description = '' }) =>
      [name, group, description].some((part) => part.toLowerCase().includes(wanted)),
    )
    .toSorted((a, b) => Number(inTrouble(b)) - Number(inTrouble(a)) || a.name.localeCompare(b.name));
  return (
    <>
      {error !== undefined && <Notice error={error} retry={refresh} />}
      {incidents && <OpenIncidents tab={incidents} now={now} />}
      <div class="toolbar">
        <p class={troubled ? 'summary bad' : 'summary'} role="status">
          {troubled
            ? `${troubled} of ${workers.length} workers in trouble`
            : `${workers.length} workers, all well`}
        </p>
        <div class="filters">
          <select
            aria-label="Which workers"
            value={kind}
            onChange={({ currentTarget }) => setKind(currentTarget.value)}
          >
            {Object.entries(FILTERS).map(([name, belongs]) => (
              <option key={name} value={name}>
                {`${name} (${workers.filter(belongs).length})`}
              </option>
            ))}
          </select>
          <input
            type="search"
            placeholder="Filter by name or group"
            aria-label="Filter workers by name, group or description"
            value={text}
            onInput={({ currentTarget }) => setText(currentTarget.value)}
          />
          {shown.length > 0 && kind in BULK && (
            <Changing>
              {kind !== 'paused' && (
                <button onClick={() => act(...bulk('pause', kind, text, shown.length))}>
                  Pause all shown
                </button>
              )}
              <button onClick={() => act(...bulk('resume', kind, text, shown.length))}>
                Resume all shown
              </button>
            </Changing>
          )}
        </div>
      </div>
      {outcome}
      {shown.length === 0 && (
        <p class="empty">
          {workers.length
            ? 'No worker matches.'
            : 'No workers yet: decorate a method of a provider with @Interval.'}
        </p>
      )}
      <VirtualList class="workers" label="Workers" items={shown} keyOf={({ name }) => name}>
        {(worker) => <WorkerRow worker={worker} now={now} />}
      </VirtualList>
    </>
  );
}

function WorkerRow({ worker, now }: { worker: WorkerInfo; now: number }) {
  const { name, group, state, conditions, next_run, last_run, last_error, last_duration_ms } = worker;
  const { run_count, consecutive_failures, holder } = worker;
  const { data: runs = [] } = useRuns(name, 30);
  return (
    <div class={inTrouble(worker) ? 'worker bad' : 'worker'}>
      <div class="who">
        <a href={hrefs.worker(name)} title={visible(name)}>
          {visible(name)}
        </a>
        <span class="quiet">
          {schedule(worker)}
          {group !== undefined && ` · ${cut(group, 60)}`}
          {holder !== undefined && (
            <>
              {' · on '}
              <Host id={holder} />
            </>
          )}
        </span>
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
      <OutcomeStrip runs={runs} />
      <dl>
        <dt>next</dt>
        <dd>{next_run ? relative(next_run, now) : '–'}</dd>
        <dt>last</dt>
        <dd>{last_run ? relative(last_run, now) : 'never'}</dd>
        <dt>took</dt>
        <dd>{last_duration_ms === undefined ? '–' : duration(last_duration_ms)}</dd>
        <dt>late</dt>
        <dd>{runs[0] ? duration(runs[0].lateness_ms) : '–'}</dd>
        <dt>runs</dt>
        <dd>
          {run_count}
          {consecutive_failures > 0 && (
            <span class="failures" title="Runs in a row that did not succeed, until now">
              {` · ${consecutive_failures} failed`}
            </span>
          )}
        </dd>
      </dl>
      {last_error && (
        <p class="error" title={cut(last_error, 1_000)}>
          {cut(last_error)}
        </p>
      )}
    </div>
  );
}

export function inTrouble({ conditions, consecutive_failures, state }: WorkerInfo): boolean {
  return conditions.length > 0 || consecutive_failures > 0 || state === 'stuck';
}
