import { itemsOf, type Tab } from './api.js';
import { type Item, ItemTable } from './item-table.js';
import { usePolled } from './live.js';
import { Notice } from './notice.js';

/** The list of a module's tab. */
export function TabPage({ tab }: { tab: Tab }) {
  const { data, error, refresh } = usePolled<Item[] | { items: Item[]; next?: string }>(tab.path);
  if (!data) return <Notice error={error} retry={refresh} />;
  const items = itemsOf(data);
  const more = !Array.isArray(data) && data.next !== undefined;
  return (
    <>
      {error !== undefined && <Notice error={error} retry={refresh} />}
      <ItemTable title={tab.title} columns={tab.columns} items={items} {...(tab.item && { tab: tab.id })} />
      {more && <p class="quiet">There are more; the first {items.length} are shown.</p>}
    </>
  );
}
