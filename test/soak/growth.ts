import { type Sample } from './samples.js';

export interface Growth {
  of: string;
  /** Median of the second fifth of the time; the first is the start. */
  from: number;
  /** Median of the last fifth. */
  to: number;
  ratio: number;
  /** What the ratio may be. Absent: it is of records, which grow until their retention ends. */
  limit?: number;
}

/** Whether it grew more than it may. */
export function isTooMuch({ ratio, limit }: Growth): boolean {
  return limit !== undefined && ratio > limit;
}

/** Tables of what has happened: how many rows they have is a matter of their retention, of hours and days. */
const RECORDS = new Set([
  'workers.runs',
  'workers.incidents',
  'workers.deliveries',
  'events',
  'deployments',
  'health_results',
  'health_minutes',
  'health_hours',
  'metric_samples',
  'metric_series',
  'metric_rollups_1m',
  'metric_rollups_1h',
  'resource_snapshots',
  'resource_rollups_1m',
  'resource_rollups_1h',
  'telemetry_late',
]);

/** Pages that a table of state may take while vacuum has not been there. */
const SLACK_MB = 2;

export function growthOf(samples: readonly Sample[]): Growth[] {
  const names = Object.keys(samples.at(-1)?.tables ?? {});
  const tables = names.map((name) => {
    const mb = (sample: Sample): number => sample.tables[name]?.mb ?? 0;
    return RECORDS.has(name)
      ? grown(`${name}, MB`, samples, mb)
      : grown(`${name}, MB`, samples, mb, 1.5, SLACK_MB);
  });
  return [
    grown('memory, MB', samples, ({ rssMb }) => rssMb, 1.15),
    grown('handles', samples, ({ handles }) => handles, 1.1, 5),
    grown('threads', samples, ({ threads }) => threads, 1.1, 2),
    grown('connections', samples, ({ connections }) => connections, 1.1, 2),
    ...tables,
  ];
}

/** @param slack what is no growth, in the unit of the figure */
function grown(
  of: string,
  samples: readonly Sample[],
  figure: (sample: Sample) => number,
  limit?: number,
  slack = 0,
): Growth {
  const fifth = samples.length / 5;
  const from = median(samples.slice(Math.floor(fifth), Math.ceil(fifth * 2)).map(figure));
  const to = median(samples.slice(Math.floor(fifth * 4)).map(figure));
  const ratio = to <= from + slack ? Math.min(1, to / (from || 1)) : to / (from || 1);
  return { of, from, to, ratio, ...(limit === undefined ? {} : { limit }) };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
