import { type ItemChart, type ItemList, type Series } from './api.js';
import { type Item } from './cells.js';
import { LineChart } from './charts/line-chart.js';
import { bytes, cut } from './format.js';
import { pathFor } from './item-table.js';
import { ListView } from './list-view.js';
import { usePolled } from './live.js';
import { Notice } from './notice.js';

interface PartsProps {
  parts: readonly (ItemList | ItemChart)[];
  /** To which they belong; absent: to the tab itself. */
  item?: Item;
}

export function PartCharts({ parts, item = {} }: PartsProps) {
  const charts = parts.filter((part) => part.kind === 'chart');
  if (charts.length === 0) return null;
  return (
    <div class="charts">
      {charts.map((part) => (
        <PartChart key={part.title} part={part} path={pathFor(part.path, item)} />
      ))}
    </div>
  );
}

export function PartLists({ parts, item = {} }: PartsProps) {
  return (
    <>
      {parts
        .filter((part) => part.kind === 'list')
        .map((part) => (
          <section key={part.title} aria-label={part.title}>
            <h3>{part.title}</h3>
            <ListView title={part.title} path={pathFor(part.path, item)} list={part} field={part.field} />
          </section>
        ))}
    </>
  );
}

const FORMATS: Record<ItemChart['unit'], (value: number) => string> = {
  number: (value) => String(Math.round(value * 100) / 100),
  bytes,
  percent: (value) => `${value.toFixed(value < 10 ? 1 : 0)} %`,
};
const COLOURS = ['--accent', '--good', '--warn', '--bad', '--plum', '--teal'];
/** Milliseconds: a window of a chart is longer than that. */
const CHART_EVERY = 5_000;

function PartChart({ part, path }: { part: ItemChart; path: string }) {
  const { data, error, refresh } = usePolled<Series>(path, CHART_EVERY);
  return (
    <figure>
      <figcaption>{part.title}</figcaption>
      {error !== undefined || !data ? <Notice error={error} retry={refresh} /> : null}
      {data && <SeriesChart data={data} part={part} />}
    </figure>
  );
}

function SeriesChart({ data: { series, step_seconds }, part }: { data: Series; part: ItemChart }) {
  const known = series.filter(({ points }) => points.some(([, value]) => value !== null));
  if (known.length === 0) return <p class="empty">Nothing was read yet.</p>;
  const instants = withGaps(
    known.flatMap(({ points }) => points.map(([at]) => Date.parse(at))),
    step_seconds,
  );
  const format = FORMATS[part.unit];
  const lines = known.map(({ labels = {}, points }, index) => {
    const byInstant = new Map(points.map(([at, value]) => [Date.parse(at), value]));
    return {
      label: cut(Object.values(labels).join(' '), 60) || part.title,
      color: COLOURS[index % COLOURS.length]!,
      values: instants.map((at) => byInstant.get(at) ?? null),
    };
  });
  const now = lines
    .map(({ label, values }) => {
      const value = values.at(-1) ?? null;
      return `${lines.length > 1 ? `${label} ` : ''}${value === null ? 'nothing' : format(value)}`;
    })
    .join(', ');
  return <LineChart label={`${part.title}: now ${now}`} instants={instants} format={format} lines={lines} />;
}

/** The instants in order, and one more, without a value, in each gap: answers may leave out windows in which nothing was read. */
function withGaps(given: readonly number[], stepSeconds: number | undefined): number[] {
  const instants = [...new Set(given)].sort((a, b) => a - b);
  if (stepSeconds === undefined) return instants;
  const step = stepSeconds * 1_000;
  return instants.flatMap((at, index) => {
    const next = instants[index + 1];
    return next !== undefined && next - at > 1.5 * step ? [at, at + step] : [at];
  });
}
