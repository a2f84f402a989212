import { type MetricLabels, type SeriesKind } from './metric.js';

/** A line of the text format of Prometheus. */
export interface ExposedSample {
  name: string;
  labels: MetricLabels;
  value: number;
  /** By its `# TYPE`: counters, and the counting parts of histograms and summaries. */
  kind: SeriesKind;
  /** Absent: at the time of the scrape. */
  at?: Date;
}

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{(.*)\})?\s+(\S+)(?:\s+(-?\d+(?:\.\d+)?))?(?:\s+#.*)?\s*$/;
const LABEL = /\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)/y;
const COUNTING = /_(?:total|count|sum|bucket)$/;

/**
 * Reads the text format 0.0.4, and OpenMetrics as far as it is the same. A line that cannot be read is left out; values that
 * are no finite numbers are as well, as they mean that there is nothing to tell.
 * @param most lines to give; `more` says whether there were others
 */
export function parsePrometheusText(
  text: string,
  most: number,
): { samples: ExposedSample[]; unreadable: number; more: boolean } {
  const counters = new Set<string>();
  const samples: ExposedSample[] = [];
  let unreadable = 0;
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    if (line.startsWith('#')) {
      const [, word, family, type] = line.split(/\s+/);
      if (word === 'TYPE' && family && (type === 'counter' || type === 'histogram' || type === 'summary'))
        counters.add(family);
      continue;
    }
    const [, name, given, number, timestamp] = LINE.exec(line) ?? [];
    const labels = given === undefined ? {} : labelsOf(given);
    const value = Number(number);
    if (
      !name ||
      !labels ||
      (Number.isNaN(value) && !/^[+-]?nan$/i.test(number!) && !/^[+-]?inf$/i.test(number!))
    ) {
      unreadable++;
      continue;
    }
    if (!Number.isFinite(value)) continue;
    if (samples.length === most) return { samples, unreadable, more: true };
    const family = name.replace(COUNTING, '');
    const isCounter = counters.has(name) || (counters.has(family) && COUNTING.test(name));
    samples.push({
      name,
      labels,
      value,
      kind: isCounter ? 'counter' : 'gauge',
      ...(timestamp !== undefined && { at: new Date(Number(timestamp)) }),
    });
  }
  return { samples, unreadable, more: false };
}

/** A sample as a line, with the time of its measurement. */
export function toPrometheusLine(name: string, labels: MetricLabels, value: number, at: Date): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${pairs.length ? `{${pairs.join(',')}}` : ''} ${value} ${+at}`;
}

function labelsOf(given: string): Record<string, string> | undefined {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  for (let end = 0; end < given.trimEnd().length; end = LABEL.lastIndex) {
    const match = LABEL.exec(given);
    if (!match) return undefined;
    labels[match[1]!] = match[2]!.replace(/\\(.)/g, (_, one: string) => (one === 'n' ? '\n' : one));
  }
  return labels;
}

function escaped(text: string): string {
  return text.replace(/[\\"\n]/g, (one) => (one === '\n' ? '\\n' : `\\${one}`));
}
