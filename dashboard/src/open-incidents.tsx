import { useRef } from 'preact/hooks';
import { useAction } from './actions.js';
import { itemsOf, type Tab } from './api.js';
import { cut, instant, relative } from './format.js';
import { useIncidents } from './live.js';
import { Changing } from './rights.js';
import { hrefs } from './route.js';
import { requested } from './run-actions.js';

/** As `GET /incidents` answers. */
interface Incident {
  id: string;
  kind: string;
  subject: string;
  condition: string;
  summary: string;
  opened_at: string;
  told_at?: string;
  release?: string;
  run_id?: string;
}

interface Silence {
  id: string;
  kind?: string;
  subject?: string;
  condition?: string;
  until: string;
  actor?: string;
}

/** More are on the tab of incidents. */
const MOST = 20;
const LENGTHS = ['1h', '8h', '3d'];

/** What is wrong now, the oldest first: since when, where to look, and who wants to hear no more of it for a while. */
export function OpenIncidents({ tab, now }: { tab: Tab; now: number }) {
  const list = useIncidents<{ items: Incident[]; next?: string }>(`${tab.path}?state=open&limit=${MOST}`);
  const incidents = list.data ? itemsOf(list.data).toReversed() : [];
  const quiet = useIncidents<Silence[]>(`${tab.path}/silences`);
  const { act, outcome } = useAction(() => {
    list.refresh();
    quiet.refresh();
  });
  if (incidents.length === 0) return <>{outcome}</>;
  const more = list.data?.next !== undefined;
  return (
    <section class="incidents" aria-labelledby="incidents">
      <h2 id="incidents">
        {more ? `More than ${incidents.length}` : incidents.length} open incident{incidents.length > 1 && 's'}
        {more && (
          <a class="more" href={hrefs.tab(tab.id)}>
            all of them
          </a>
        )}
      </h2>
      <ul>
        {incidents.map((incident) => {
          const { id, kind, subject, condition, summary, opened_at, release, run_id } = incident;
          const silence = quiet.data?.find((each) => covers(each, incident));
          const name = cut(subject, 80);
          return (
            <li key={id} class={silence ? 'incident silenced' : 'incident'}>
              <div class="what">
                {kind === 'worker' ? (
                  <a href={hrefs.worker(subject)}>{name}</a>
                ) : (
                  <strong>
                    {cut(kind, 40)} {name}
                  </strong>
                )}
                <span class="badge failed">{cut(condition, 40).replaceAll('_', ' ')}</span>
                <span class="quiet" title={instant(opened_at)}>
                  since {relative(opened_at, now)}
                  {release !== undefined && `, in release ${cut(release, 40)}`}
                </span>
                {run_id !== undefined && <a href={hrefs.run(run_id)}>the run</a>}
              </div>
              <p title={cut(summary, 1_000)}>{cut(summary)}</p>
              <div class="actions">
                {silence && (
                  <span class="quiet" title={instant(silence.until)}>
                    silenced, ends {relative(silence.until, now)}
                    {silence.actor !== undefined && `, by ${cut(silence.actor, 60)}`}
                  </span>
                )}
                <Changing>
                  {kind === 'worker' && (
                    <button
                      class="small"
                      aria-label={`Run now: ${name}`}
                      onClick={() =>
                        act(
                          `workers/${encodeURIComponent(subject)}/trigger`,
                          `Run ${name} now?`,
                          requested(`Run of ${name} requested.`),
                        )
                      }
                    >
                      Run now
                    </button>
                  )}
                  {silence ? (
                    <button
                      class="small"
                      aria-label={`End silence of ${name}`}
                      onClick={() =>
                        act(
                          `${tab.path}/silences/${silence.id}`,
                          'End the silence? What is open is told then.',
                          'The silence has ended.',
                          { method: 'DELETE' },
                        )
                      }
                    >
                      End silence
                    </button>
                  ) : (
                    <SilenceFor
                      what={`${name}, ${cut(condition, 40)}`}
                      chosen={(length) =>
                        act(
                          `${tab.path}/silences`,
                          `Tell nobody of ${name}, ${cut(condition, 40)} for ${length}? It is recorded all the same.`,
                          `Nobody is told for ${length}.`,
                          { body: { kind, subject, condition, for: length, reason: 'from the page' } },
                        )
                      }
                    />
                  )}
                </Changing>
              </div>
            </li>
          );
        })}
      </ul>
      {outcome}
    </section>
  );
}

/** A button beside the choice: the keyboard chooses each value on its way to the next. */
function SilenceFor({ what, chosen }: { what: string; chosen: (length: string) => void }) {
  const length = useRef<HTMLSelectElement>(null);
  return (
    <span class="silence">
      <button class="small" aria-label={`Silence for: ${what}`} onClick={() => chosen(length.current!.value)}>
        Silence for
      </button>
      <select class="small" ref={length} aria-label={`Silence for how long: ${what}`}>
        {LENGTHS.map((each) => (
          <option key={each}>{each}</option>
        ))}
      </select>
    </span>
  );
}

function covers(silence: Silence, { kind, subject, condition }: Incident): boolean {
  return (
    (silence.kind ?? kind) === kind &&
    (silence.subject ?? subject) === subject &&
    (silence.condition ?? condition) === condition
  );
}
