import { type Column } from './api.js';
import { bytes, cut, instant, relative } from './format.js';
import { useNow } from './live.js';
import { hrefs } from './route.js';

export type Item = Record<string, unknown>;

interface ItemTableProps {
  title: string;
  columns: readonly Column[];
  items: readonly Item[];
  /** Its items have pages of their own. */
  tab?: string;
}

/** A list of a module, of which the page knows the columns alone. */
export function ItemTable({ title, columns, items, tab }: ItemTableProps) {
  const now = useNow();
  if (items.length === 0) return <p class="empty">Nothing here yet.</p>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={title}>
      <table>
        <thead>
          <tr>
            {columns.map(({ key, title: name }) => (
              <th key={key}>{name}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {items.map((item, index) => (
            <tr key={String(item.id ?? index)}>
              {columns.map(({ key, kind }, place) => {
                const cell = <Cell value={valueAt(item, key)} kind={kind} now={now} />;
                const linked = tab !== undefined && place === 0 && typeof item.id === 'string';
                return (
                  <td key={key}>{linked ? <a href={hrefs.item(tab, item.id as string)}>{cell}</a> : cell}</td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Cell({ value, kind, now }: { value: unknown; kind: Column['kind']; now: number }) {
  if (value === undefined || value === null || value === '') return <span class="quiet">–</span>;
  if (kind === 'state') return <span class={`badge ${String(value)}`}>{cut(String(value), 60)}</span>;
  if (kind === 'instant') return <span title={instant(String(value))}>{relative(String(value), now)}</span>;
  if (kind === 'bytes') return <>{bytes(Number(value))}</>;
  if (kind === 'percent') return <>{Number(value).toFixed(1)} %</>;
  if (kind === 'number') return <>{Math.round(Number(value) * 100) / 100}</>;
  if (typeof value === 'boolean') return <>{value ? 'yes' : 'no'}</>;
  return <>{cut(typeof value === 'object' ? JSON.stringify(value) : String(value))}</>;
}

/** `endpoints.0.port` and the like. */
export function valueAt(item: Item, key: string): unknown {
  return key.split('.').reduce<unknown>((part, name) => (part as Item | null | undefined)?.[name], item);
}
