import { type Tab } from './api.js';
import { ListView } from './list-view.js';
import { PartCharts, PartLists } from './parts.js';

/** What a module shows: its charts, its list, and what else there is. */
export function TabPage({ tab }: { tab: Tab }) {
  const { id, title, description, path, parts = [], item } = tab;
  const [first, ...rest] = tab.columns;
  // The first column of a list whose items have pages leads to them.
  const columns =
    item && first && !first.link ? [{ ...first, link: { tab: id, key: 'id' } }, ...rest] : tab.columns;
  return (
    <>
      <h2>{title}</h2>
      {description !== undefined && <p class="quiet">{description}</p>}
      <PartCharts parts={parts} />
      <ListView title={title} path={path} list={{ ...tab, columns }} />
      <PartLists parts={parts} />
    </>
  );
}
