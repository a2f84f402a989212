import { useRef, useState } from 'preact/hooks';
import { useAction } from './actions.js';
import { itemsOf, type List, withQuery } from './api.js';
import { type Item } from './cells.js';
import { ItemTable } from './item-table.js';
import { usePolled } from './live.js';
import { Notice } from './notice.js';
import { Pager } from './pager.js';

type Answer = Item[] | { items: Item[]; next?: string };

interface ListViewProps {
  title: string;
  path: string;
  list: List;
  /** Of the answer: where the list is. */
  field?: string | undefined;
}

/** A list as it is now: filters, page by page, and what can be done with each item. */
export function ListView({ title, path, list, field }: ListViewProps) {
  const [filters, setFilters] = useState<Record<string, string>>({});
  const [pages, setPages] = useState<string[]>([]);
  const asked = withQuery(path, {
    ...filters,
    ...(pages.length > 0 && { [list.pageBy ?? 'after']: pages.at(-1)! }),
  });
  const { data, error, refresh } = usePolled<Answer | Item>(asked, list.refresh);
  const { act, outcome } = useAction(refresh);
  // Until another page has come, the one before stays.
  const last = useRef<Answer>();
  const answer = data && ((field === undefined ? data : (data as Item)[field]) as Answer);
  if (answer) last.current = answer;
  const shown = answer ?? (error === undefined ? last.current : undefined);
  const next = shown && !Array.isArray(shown) ? shown.next : undefined;
  const narrow = (name: string, value: string): void => {
    setFilters(Object.fromEntries(Object.entries({ ...filters, [name]: value }).filter(([, text]) => text)));
    setPages([]);
  };
  return (
    <>
      {list.filters && (
        <div class="filters">
          {list.filters.map(({ name, title: label, values }) =>
            values ? (
              <label key={name}>
                {label}{' '}
                <select
                  value={filters[name] ?? ''}
                  onChange={({ currentTarget }) => narrow(name, currentTarget.value)}
                >
                  <option value="">all</option>
                  {values.map((value) => (
                    <option key={value} value={value}>
                      {value.replaceAll('_', ' ')}
                    </option>
                  ))}
                </select>
              </label>
            ) : (
              <label key={name}>
                {label}{' '}
                <input
                  type="search"
                  // Not `value`: each answer would put back what the reader is typing.
                  defaultValue={filters[name] ?? ''}
                  onChange={({ currentTarget }) => narrow(name, currentTarget.value.trim())}
                />
              </label>
            ),
          )}
        </div>
      )}
      {outcome}
      {(error !== undefined || !shown) && <Notice error={error} retry={refresh} />}
      {shown && (
        <ItemTable
          title={title}
          columns={list.columns}
          items={itemsOf(shown)}
          empty={Object.keys(filters).length > 0 ? 'Nothing matches.' : list.empty}
          actions={list.actions}
          act={act}
          groupBy={list.groupBy}
        />
      )}
      <Pager
        label={`Pages of ${title}`}
        page={pages.length + 1}
        more={next !== undefined}
        onBack={() => setPages(pages.slice(0, -1))}
        onNext={() => setPages([...pages, next!])}
      />
    </>
  );
}
