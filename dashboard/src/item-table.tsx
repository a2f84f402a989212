import { Fragment } from 'preact';
import { type Act } from './actions.js';
import { type Column, type ItemAction } from './api.js';
import { type Item, LinkedCell, valueAt } from './cells.js';
import { cut } from './format.js';
import { useNow } from './live.js';
import { Changing } from './rights.js';

interface ItemTableProps {
  title: string;
  columns: readonly Column[];
  items: readonly Item[];
  /** Said when there are none. */
  empty?: string | undefined;
  actions?: readonly ItemAction[] | undefined;
  act?: Act | undefined;
  groupBy?: readonly string[] | undefined;
}

/** A list of a module, of which the page knows the columns alone. */
export function ItemTable({ title, columns, items, empty, actions = [], act, groupBy = [] }: ItemTableProps) {
  const now = useNow();
  if (items.length === 0) return <p class="empty card">{empty ?? 'Nothing here yet.'}</p>;
  const shown = columns.filter(({ key }) => !groupBy.includes(key));
  const groups = grouped(items, groupBy);
  const wide = shown.length + (act && actions.length > 0 ? 1 : 0);
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={title}>
      <table class="items">
        <thead>
          <tr>
            {shown.map(({ key, title: name, kind }) => (
              <th key={key} scope="col" class={kind}>
                {name}
              </th>
            ))}
            {act && actions.length > 0 && (
              <th scope="col">
                <span class="unseen">actions</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {groups.map(([name, members]) => (
            <Fragment key={name}>
              {groupBy.length > 0 && (
                <tr class="group">
                  <th scope="rowgroup" colSpan={wide}>
                    {cut(name)} <span class="quiet">{members.length}</span>
                  </th>
                </tr>
              )}
              {members.map((item, index) => (
                <tr key={String(item.id ?? index)}>
                  {shown.map((column) => (
                    <td key={column.key} class={column.kind} data-title={column.title}>
                      <LinkedCell item={item} column={column} now={now} />
                    </td>
                  ))}
                  {act && actions.length > 0 && (
                    <td class="row-actions">
                      <ItemActions actions={actions} item={item} act={act} />
                    </td>
                  )}
                </tr>
              ))}
            </Fragment>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** What can be done with that item: a button for each. */
export function ItemActions({
  actions,
  item,
  act,
}: {
  actions: readonly ItemAction[];
  item: Item;
  act: Act;
}) {
  return (
    <Changing>
      {actions
        .filter((action) => isFor(action, item))
        .map((action) => (
          <ActionButton key={action.title} action={action} item={item} act={act} />
        ))}
    </Changing>
  );
}

function ActionButton({ action, item, act }: { action: ItemAction; item: Item; act: Act }) {
  const { title, path, method, body = {}, question } = action;
  const sent = Object.entries(body).flatMap(([name, text]): [string, unknown][] => {
    const value = text.startsWith(':') ? valueAt(item, text.slice(1)) : text;
    return value === undefined || value === null ? [] : [[name, value]];
  });
  return (
    <button
      class="small"
      onClick={() =>
        act(pathFor(path, item), questionFor(question, item), `${title}: done.`, {
          method,
          ...(method !== 'DELETE' && { body: Object.fromEntries(sent) }),
        })
      }
    >
      {title}
    </button>
  );
}

/** Each `:name` that begins a word, replaced by that field of the item. */
function questionFor(question: string, item: Item): string {
  return question.replace(/(?<=^|\s):([a-z_]+)/g, (_, key: string) =>
    cut(String(valueAt(item, key) ?? 'unknown'), 60),
  );
}

function isFor({ when }: ItemAction, item: Item): boolean {
  return !when || when.values.includes((valueAt(item, when.key) as string | undefined) ?? null);
}

/** Each `:name` that is a whole part of the path, or the value of a parameter, replaced by that field of the item. */
export function pathFor(path: string, item: Item): string {
  return path.replace(/(?<=[/=]):([a-z_]+)/g, (_, key: string) =>
    encodeURIComponent(String(valueAt(item, key) ?? '')),
  );
}

/** In the order in which the groups come first. */
function grouped(items: readonly Item[], keys: readonly string[]): [string, Item[]][] {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const name = keys.map((key) => String(valueAt(item, key) ?? `no ${key}`)).join(' › ');
    const group = groups.get(name);
    if (group) group.push(item);
    else groups.set(name, [item]);
  }
  return [...groups].sort(([a], [b]) => (keys.length ? a.localeCompare(b) : 0));
}
