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

export interface ExpositionOptions {
  /** Samples to give; `more` says whether there were others. */
  most: number;
  /** It is OpenMetrics: timestamps are in seconds, and not in milliseconds. Default false. */
  openMetrics?: boolean | undefined;
}

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL_NAME = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const BLANKS = /[ \t]*/y;
const WORD = /[^ \t]+/y;
const COUNTING = /_(?:total|count|sum|bucket)$/;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
/** A value that stands for none. */
const NOT_A_FINITE_NUMBER = /^[+-]?(?:nan|inf|infinity)$/i;

/** Longer ones cannot be within the limits of a sample. */
const LONGEST_LINE = 100_000;

/**
 * Reads the text format 0.0.4, and OpenMetrics as far as it is the same. A line that cannot be read is left out; values that
 * are no finite numbers are as well. Whoever wrote the text may mean harm: the time that it takes grows with the length of the
 * text and no faster, which a pattern for a whole line does not keep to.
 */
export function parsePrometheusText(
  text: string,
  { most, openMetrics = false }: ExpositionOptions,
): { samples: ExposedSample[]; unreadable: number; more: boolean } {
  const counters = new Set<string>();
  const samples: ExposedSample[] = [];
  let unreadable = 0;
  for (const line of linesOf(text)) {
    if (line.startsWith('#')) {
      const [, family, type] = /^# TYPE (\S{1,1000}) (\S{1,20})\s*$/.exec(line) ?? [];
      if (family && (type === 'counter' || type === 'histogram' || type === 'summary')) counters.add(family);
      if (openMetrics && line.trimEnd() === '# EOF') break;
      continue;
    }
    const read = line.length <= LONGEST_LINE ? readLine(line) : undefined;
    if (!read) {
      unreadable++;
      continue;
    }
    const { name, labels, value, timestamp } = read;
    if (!Number.isFinite(value)) continue;
    if (samples.length === most) return { samples, unreadable, more: true };
    const family = name.replace(COUNTING, '');
    const isCounter = counters.has(name) || (counters.has(family) && COUNTING.test(name));
    samples.push({
      name,
      labels,
      value,
      kind: isCounter ? 'counter' : 'gauge',
      ...(timestamp !== undefined && { at: new Date(Math.round(timestamp * (openMetrics ? 1_000 : 1))) }),
    });
  }
  return { samples, unreadable, more: false };
}

/** A sample as a line, with the time of its measurement; without one it is of the scrape. */
export function toPrometheusLine(name: string, labels: MetricLabels, value: number, at?: Date): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${pairs.length ? `{${pairs.join(',')}}` : ''} ${value}${at ? ` ${+at}` : ''}`;
}

/** Those that are not blank, without the CR that some end with. One at a time: there may be millions. */
function* linesOf(text: string): Generator<string> {
  for (let start = 0; start < text.length;) {
    const end = text.indexOf('\n', start);
    const line = text.slice(start, end < 0 ? undefined : end).trimEnd();
    if (line !== '') yield line;
    if (end < 0) return;
    start = end + 1;
  }
}

interface ReadLine {
  name: string;
  labels: Record<string, string>;
  value: number;
  timestamp?: number;
}

function readLine(line: string): ReadLine | undefined {
  const scanner = new Scanner(line);
  const name = scanner.take(NAME);
  if (name === undefined) return undefined;
  scanner.take(BLANKS);
  let labels: Record<string, string> | undefined = {};
  const hasLabels = scanner.skip('{');
  if (hasLabels) labels = readLabels(scanner);
  else if (scanner.at === name.length) return undefined;
  if (!labels) return undefined;
  scanner.take(BLANKS);
  const value = scanner.take(WORD);
  if (value === undefined || !(NUMBER.test(value) || NOT_A_FINITE_NUMBER.test(value))) return undefined;
  scanner.take(BLANKS);
  const timestamp = scanner.isAtEnd || scanner.sees('#') ? undefined : scanner.take(WORD);
  if (timestamp !== undefined && !NUMBER.test(timestamp)) return undefined;
  scanner.take(BLANKS);
  // What follows a "#" is an exemplar.
  if (!scanner.isAtEnd && !scanner.sees('#')) return undefined;
  return {
    name,
    labels,
    value: NUMBER.test(value) ? Number(value) : NaN,
    ...(timestamp !== undefined && { timestamp: Number(timestamp) }),
  };
}

/** After the brace that opens them. A line with a label that occurs twice is left out. */
function readLabels(scanner: Scanner): Record<string, string> | undefined {
  const labels = new Map<string, string>();
  for (;;) {
    scanner.take(BLANKS);
    if (scanner.skip('}')) return Object.fromEntries(labels);
    const name = scanner.take(LABEL_NAME);
    if (name === undefined || labels.has(name)) return undefined;
    scanner.take(BLANKS);
    if (!scanner.skip('=')) return undefined;
    scanner.take(BLANKS);
    const value = scanner.quoted();
    if (value === undefined) return undefined;
    labels.set(name, value);
    scanner.take(BLANKS);
    if (!scanner.skip(',') && !scanner.sees('}')) return undefined;
  }
}

/** Goes through a line from left to right, and never back. */
class Scanner {
  at = 0;

  constructor(private readonly line: string) {}

  get isAtEnd(): boolean {
    return this.at >= this.line.length;
  }

  sees(character: string): boolean {
    return this.line[this.at] === character;
  }

  skip(character: string): boolean {
    if (!this.sees(character)) return false;
    this.at++;
    return true;
  }

  /** @param what a sticky pattern that cannot match in two ways */
  take(what: RegExp): string | undefined {
    what.lastIndex = this.at;
    const found = what.exec(this.line)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  /** A text in quotes. */
  quoted(): string | undefined {
    if (!this.skip('"')) return undefined;
    let text = '';
    for (let from = this.at; this.at < this.line.length; this.at++) {
      const character = this.line[this.at];
      if (character === '"') {
        text += this.line.slice(from, this.at++);
        return text;
      }
      if (character !== '\\') continue;
      const escaped = this.line[this.at + 1];
      if (escaped === undefined) return undefined;
      text += this.line.slice(from, this.at) + (escaped === 'n' ? '\n' : escaped);
      from = ++this.at + 1;
    }
    return undefined;
  }
}

function escaped(text: string): string {
  return text.replace(/[\\"\n]/g, (one) => (one === '\n' ? '\\n' : `\\${one}`));
}
