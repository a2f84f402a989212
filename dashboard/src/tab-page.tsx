import { itemsOf, type Tab } from './api.js';
import { bytes, cut, instant, relative } from './format.js';
import { useNow, usePolled } from './live.js';
import { Notice } from './notice.js';

type Item = Record<string, unknown>;
type Kind = Tab['columns'][number]['kind'];

/** The list of a module's tab. */
export function TabPage({ tab }: { tab: Tab }) {
  const { data, error, refresh } = usePolled<Item[] | { items: Item[]; next?: string }>(tab.path);
  const now = useNow();
  if (!data) return <Notice error={error} retry={refresh} />;
  const items = itemsOf(data);
  const more = !Array.isArray(data) && data.next !== undefined;
  return (
    <>
      {error !== undefined && <Notice error={error} retry={refresh} />}
      {items.length === 0 ? (
        <p class="empty">Nothing here yet.</p>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-label={tab.title}>
          <table>
            <thead>
              <tr>
                {tab.columns.map(({ key, title }) => (
                  <th key={key}>{title}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {items.map((item, index) => (
                <tr key={String(item.id ?? index)}>
                  {tab.columns.map(({ key, kind }) => (
                    <td key={key}>
                      <Cell value={valueAt(item, key)} kind={kind} now={now} />
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {more && <p class="quiet">There are more; the first {items.length} are shown.</p>}
    </>
  );
}

function Cell({ value, kind, now }: { value: unknown; kind: Kind; now: number }) {
  if (value === undefined || value === null) return <span class="quiet">–</span>;
  if (kind === 'state') return <span class={`badge ${String(value)}`}>{String(value)}</span>;
  if (kind === 'instant') return <span title={instant(String(value))}>{relative(String(value), now)}</span>;
  if (kind === 'bytes') return <>{bytes(Number(value))}</>;
  if (kind === 'percent') return <>{Number(value).toFixed(1)} %</>;
  return <>{cut(typeof value === 'object' ? JSON.stringify(value) : String(value))}</>;
}

/** `endpoints.0.port` and the like. */
function valueAt(item: Item, key: string): unknown {
  return key.split('.').reduce<unknown>((part, name) => (part as Item | null | undefined)?.[name], item);
}
