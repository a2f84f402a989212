import { useRef, useState } from 'preact/hooks';
import { type Act } from './actions.js';
import { ask, type Run, withQuery } from './api.js';
import { usePolled } from './live.js';
import { Notice } from './notice.js';
import { Pager } from './pager.js';
import { Runs } from './runs.js';

interface RunPage {
  items: Run[];
  next?: string;
}

interface RunPagesProps {
  /** Of the worker. */
  path: string;
  /** Its last runs as they come. */
  newest: readonly Run[];
  now: number;
  act: Act;
}

/** Runs of a page. */
const SHOWN = 50;

const OUTCOMES: Record<string, string> = {
  all: '',
  'not succeeded': 'failed,timed_out,aborted,cancelled,lost',
  succeeded: 'succeeded',
};

/** The runs of a worker: the newest as they come, older ones page by page, and those of some outcomes alone. */
export function RunPages({ path, newest, now, act }: RunPagesProps) {
  const [kind, setKind] = useState('all');
  const [pages, setPages] = useState<string[]>([]);
  const isLive = kind === 'all' && pages.length === 0;
  const at = (before: string | undefined): string =>
    withQuery(`${path}/runs`, {
      limit: String(SHOWN),
      ...(OUTCOMES[kind] && { outcome: OUTCOMES[kind] }),
      ...(before !== undefined && { before }),
    });
  const { data, error, refresh } = usePolled<RunPage>(isLive ? undefined : at(pages.at(-1)));
  // Until another page has come, the one before stays.
  const last = useRef<readonly Run[]>(newest);
  if (isLive || data) last.current = isLive ? newest.slice(0, SHOWN) : data!.items;
  const [fault, setFault] = useState<unknown>();
  const older = async (): Promise<void> => {
    setFault(undefined);
    try {
      // Runs may have come since: none is passed over, as this is asked now.
      const next = isLive ? (await ask<RunPage>(at(undefined))).next : data?.next;
      if (next !== undefined) setPages([...pages, next]);
    } catch (error) {
      setFault(error);
    }
  };
  const problem = error ?? fault;
  return (
    <section aria-labelledby="runs">
      <div class="toolbar">
        <h3 id="runs">Runs</h3>
        <label class="filters">
          Outcome
          <select
            value={kind}
            onChange={({ currentTarget }) => {
              setKind(currentTarget.value);
              setPages([]);
            }}
          >
            {Object.keys(OUTCOMES).map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      </div>
      {problem !== undefined && <Notice error={problem} retry={refresh} />}
      {last.current.length === 0 ? (
        <p class="empty card">{pages.length > 0 ? 'There are no older ones.' : 'No run matches.'}</p>
      ) : (
        <Runs runs={last.current} now={now} act={act} />
      )}
      <Pager
        label="Pages of runs"
        page={pages.length + 1}
        back="Newer runs"
        next="Older runs"
        more={isLive ? newest.length > SHOWN : data?.next !== undefined}
        onBack={() => setPages(pages.slice(0, -1))}
        onNext={() => void older()}
      />
    </section>
  );
}
