import { type Column } from './api.js';
import { bytes, cut, duration, instant, relative } from './format.js';
import { hrefs } from './route.js';

export type Item = Record<string, unknown>;

/** `endpoints.0.port` and the like. */
export function valueAt(item: Item, key: string): unknown {
  return key.split('.').reduce<unknown>((part, name) => (part as Item | null | undefined)?.[name], item);
}

/** A value as its column wants it, and as a link where the column leads to something. */
export function LinkedCell({ item, column, now }: { item: Item; column: Column; now: number }) {
  const { key, kind, link, title } = column;
  const cell = <Cell value={valueAt(item, key)} kind={kind} title={title} now={now} />;
  const id = link && valueAt(item, link.key);
  if (typeof id !== 'string') return cell;
  return <a href={'tab' in link! ? hrefs.item(link.tab, id) : hrefs.run(id)}>{cell}</a>;
}

interface CellProps {
  value: unknown;
  kind: Column['kind'];
  title: string;
  now: number;
}

export function Cell({ value, kind, title, now }: CellProps) {
  if (value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0))
    return <span class="quiet">–</span>;
  switch (kind) {
    case 'state':
      return <State value={String(value)} />;
    case 'instant':
      return <span title={instant(String(value))}>{relative(String(value), now)}</span>;
    case 'bytes':
      return <>{bytes(Number(value))}</>;
    case 'percent':
      return <>{percent(Number(value))}</>;
    case 'duration':
      return <>{duration(Number(value))}</>;
    case 'days':
      return <Days value={Number(value)} />;
    case 'number':
      return <>{Math.round(Number(value) * 100) / 100}</>;
    case 'uptime':
      return <UptimeBars parts={value as (number | null)[]} title={title} />;
    case 'sparkline':
      return <Sparkline points={value as [string, number | null][]} title={title} />;
    default:
      return (
        <span class="text">{typeof value === 'boolean' ? (value ? 'yes' : 'no') : cut(textOf(value))}</span>
      );
  }
}

/** The colour is of the word; what is no word has none. */
function State({ value }: { value: string }) {
  return (
    <span class={/^[a-z_]+$/.test(value) ? `badge ${value}` : 'badge'}>
      {cut(value.replaceAll('_', ' '), 60)}
    </span>
  );
}

function textOf(value: unknown): string {
  if (Array.isArray(value) && value.every((part) => typeof part === 'string')) return value.join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** Nothing below 100 is shown as 100: one failure in a million is one. */
function percent(value: number): string {
  const rounded = value < 100 ? Math.min(value, 99.99) : value;
  return `${Number(rounded.toFixed(rounded >= 99 && rounded < 100 ? 2 : 1))} %`;
}

function Days({ value }: { value: number }) {
  if (value <= 0) return <span class="badge failed">over for {length(-value)}</span>;
  return <>{length(value)}</>;
}

function length(days: number): string {
  if (days < 2) return duration(days * 86_400_000);
  return `${Math.floor(days)} days`;
}

const BAR = 3;
const HEIGHT = 22;

/** Each part of the time is a bar: the more of it was not well, the shorter it is. */
function UptimeBars({ parts, title }: { parts: readonly (number | null)[]; title: string }) {
  const told = parts.filter((part) => part !== null);
  const bad = told.filter((part) => part < 1).length;
  const label = told.length
    ? `${title}: ${told.length} of ${parts.length} parts were looked at, ${bad} of them not always well`
    : `${title}: nothing was looked at`;
  return (
    <svg class="uptime" role="img" aria-label={label} width={parts.length * BAR} height={HEIGHT}>
      {parts.map((part, index) => {
        const height = part === null ? 3 : Math.round(HEIGHT * (part === 1 ? 1 : 0.35 + part * 0.45));
        const kind = part === null ? 'none' : part === 1 ? 'well' : part >= 0.9 ? 'partly' : 'down';
        return (
          <rect
            key={index}
            class={`part ${kind}`}
            x={index * BAR}
            y={HEIGHT - height}
            width={BAR - 1}
            height={height}
          />
        );
      })}
    </svg>
  );
}

const WIDTH = 120;

/** The course of a value, from 0 to the most that it was. A gap stays a gap. */
function Sparkline({ points, title }: { points: readonly [string, number | null][]; title: string }) {
  const known = points.filter((point): point is [string, number] => point[1] !== null);
  if (known.length === 0) return <span class="quiet">–</span>;
  const [first, last] = [Date.parse(points[0]![0]), Date.parse(points.at(-1)![0])];
  const most = Math.max(...known.map(([, value]) => value), Number.MIN_VALUE);
  const place = ([at, value]: [string, number]): string => {
    const x = last === first ? WIDTH : ((Date.parse(at) - first) / (last - first)) * WIDTH;
    return `${x.toFixed(1)},${(HEIGHT - 1 - (value / most) * (HEIGHT - 2)).toFixed(1)}`;
  };
  const runs: [string, number][][] = [[]];
  for (const point of points) {
    if (point[1] === null) runs.push([]);
    else runs.at(-1)!.push(point as [string, number]);
  }
  return (
    <svg class="spark" role="img" aria-label={`${title}, as it went`} width={WIDTH} height={HEIGHT}>
      {runs.map((run, index) =>
        run.length === 1 ? (
          <circle key={index} cx={place(run[0]!).split(',')[0]} cy={place(run[0]!).split(',')[1]} r={1.5} />
        ) : (
          <polyline key={index} points={run.map(place).join(' ')} />
        ),
      )}
    </svg>
  );
}
