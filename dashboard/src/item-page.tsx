import { itemsOf, type ItemChart, type ItemList, type Series, type Tab } from './api.js';
import { LineChart } from './charts/line-chart.js';
import { bytes, visible } from './format.js';
import { Cell, type Item, ItemTable, valueAt } from './item-table.js';
import { useNow, usePolled } from './live.js';
import { Notice } from './notice.js';
import { hrefs } from './route.js';

/** One item of a module's tab, with what belongs to it. */
export function ItemPage({ tab, id }: { tab: Tab; id: string }) {
  const { data, error, refresh } = usePolled<Item[] | { items: Item[] }>(tab.path);
  const now = useNow();
  const item = data && itemsOf(data).find((each) => each.id === id);
  const [name] = tab.columns;
  return (
    <>
      <p>
        <a href={hrefs.tab(tab.id)}>{tab.title}</a>
      </p>
      <h2>{visible(String((item && valueAt(item, name!.key)) ?? id))}</h2>
      {error !== undefined && <Notice error={error} retry={refresh} />}
      <dl class="facts">
        <div>
          <dt>id</dt>
          <dd>{visible(id)}</dd>
        </div>
        {item &&
          tab.columns.slice(1).map(({ key, title, kind }) => (
            <div key={key}>
              <dt>{title}</dt>
              <dd>
                <Cell value={valueAt(item, key)} kind={kind} now={now} />
              </dd>
            </div>
          ))}
      </dl>
      <div class="charts">
        {tab.item?.map((part) => part.kind === 'chart' && <PartChart key={part.title} part={part} id={id} />)}
      </div>
      {tab.item?.map((part) => part.kind === 'list' && <PartList key={part.title} part={part} id={id} />)}
    </>
  );
}

const pathFor = (path: string, id: string): string => path.replace(':id', encodeURIComponent(id));

function PartList({ part, id }: { part: ItemList; id: string }) {
  const { data, error, refresh } = usePolled<Item[] | { items: Item[] } | Item>(pathFor(part.path, id));
  const list = data && (part.field === undefined ? data : ((data as Item)[part.field] as Item[]));
  return (
    <section aria-label={part.title}>
      <h3>{part.title}</h3>
      {list ? (
        <ItemTable title={part.title} columns={part.columns} items={itemsOf(list as Item[])} />
      ) : (
        <Notice error={error} retry={refresh} />
      )}
    </section>
  );
}

const FORMATS: Record<ItemChart['unit'], (value: number) => string> = {
  number: (value) => String(Math.round(value * 100) / 100),
  bytes,
  percent: (value) => `${value.toFixed(value < 10 ? 1 : 0)} %`,
};
const COLOURS = ['--accent', '--good', '--warn', '--bad'];

function PartChart({ part, id }: { part: ItemChart; id: string }) {
  const { data, error, refresh } = usePolled<Series>(pathFor(part.path, id));
  return (
    <figure>
      <figcaption>{part.title}</figcaption>
      {data ? <SeriesChart data={data} part={part} /> : <Notice error={error} retry={refresh} />}
    </figure>
  );
}

function SeriesChart({ data: { series }, part }: { data: Series; part: ItemChart }) {
  const instants = [...new Set(series.flatMap(({ points }) => points.map(([at]) => Date.parse(at))))].sort(
    (a, b) => a - b,
  );
  if (instants.length === 0) return <p class="empty">Nothing was read yet.</p>;
  const format = FORMATS[part.unit];
  const lines = series.map(({ labels = {}, points }, index) => {
    const byInstant = new Map(points.map(([at, value]) => [Date.parse(at), value]));
    return {
      label: Object.values(labels).join(' ') || part.title,
      color: COLOURS[index % COLOURS.length]!,
      values: instants.map((at) => byInstant.get(at) ?? null),
    };
  });
  const latest = lines.map(({ values }) => values.findLast((value) => value !== null));
  const now = latest
    .map((value) => (value === undefined || value === null ? 'nothing' : format(value)))
    .join(', ');
  return <LineChart label={`${part.title}: now ${now}`} instants={instants} format={format} lines={lines} />;
}
