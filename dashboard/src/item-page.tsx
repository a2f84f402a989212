import { useAction } from './actions.js';
import { itemsOf, type Tab } from './api.js';
import { type Item, LinkedCell, valueAt } from './cells.js';
import { visible } from './format.js';
import { ItemActions, pathFor } from './item-table.js';
import { useNow, usePolled } from './live.js';
import { Notice } from './notice.js';
import { PartCharts, PartLists } from './parts.js';
import { hrefs } from './route.js';

/** One item of a module's tab, with what belongs to it. */
export function ItemPage({ tab, id }: { tab: Tab; id: string }) {
  const path = tab.itemPath === undefined ? tab.path : pathFor(tab.itemPath, { id });
  const { data, error, refresh } = usePolled<Item | Item[] | { items: Item[] }>(path);
  const now = useNow();
  const { act, outcome } = useAction(refresh);
  const item =
    data && (tab.itemPath === undefined ? itemsOf(data as Item[]).find((each) => each.id === id) : data);
  const [name] = tab.columns;
  return (
    <>
      <p>
        <a href={hrefs.tab(tab.id)}>{tab.title}</a>
      </p>
      <h2>{visible(String((item && valueAt(item as Item, name!.key)) ?? id))}</h2>
      {(error !== undefined || !data) && <Notice error={error} retry={refresh} />}
      <dl class="facts">
        <div>
          <dt>id</dt>
          <dd>{visible(id)}</dd>
        </div>
        {item &&
          tab.columns.slice(1).map((column) => (
            <div key={column.key}>
              <dt>{column.title}</dt>
              <dd>
                <LinkedCell item={item as Item} column={column} now={now} />
              </dd>
            </div>
          ))}
      </dl>
      {item && tab.actions && (
        <p class="toolbar">
          <ItemActions actions={tab.actions} item={item as Item} act={act} />
        </p>
      )}
      {outcome}
      <PartCharts parts={tab.item ?? []} item={{ id }} />
      <PartLists parts={tab.item ?? []} item={{ id }} />
    </>
  );
}
