import { type Bench, type BenchResult, type Measured, type Ratio } from './bench.js';
import { type Machine } from './machine.js';
import { mapValues } from './map-values.js';
import { median } from './rounds.js';

/** Everything about one run of a bench, as one JSON object. */
export function asJson({ name, summary }: Bench, result: BenchResult, machine: Machine): string {
  const { ratios, measured, notes } = result;
  const withMedian = mapValues(measured, (row) => ({ ...row, median: median(row.samples) }));
  return JSON.stringify({ bench: name, summary, ratios, measured: withMedian, notes, machine }, null, 2);
}

/** The same for people. */
export function asTable({ name, summary }: Bench, result: BenchResult, machine: Machine): string {
  const { cpu, cores, platform, node, loadAverage } = machine;
  const { ratios, measured, notes } = result;
  return [
    `${name}: ${summary}`,
    `${cpu}, ${cores} cores, load ${loadAverage}; ${platform}, Node ${node}`,
    '',
    ...table(['', 'median', 'fastest', 'slowest', 'rounds'], Object.entries(measured).map(measuredRow)),
    '',
    ...table(['', 'figure', 'goal', ''], Object.entries(ratios).map(ratioRow)),
    '',
    ...notes.map((note) => `- ${note}`),
  ].join('\n');
}

function measuredRow([what, { samples, unit }]: [string, Measured]): string[] {
  const withUnit = (value: number) => `${digits(value)} ${unit}`;
  const range = [median(samples), Math.min(...samples), Math.max(...samples)];
  return [what, ...range.map(withUnit), String(samples.length)];
}

function ratioRow([what, { figure, goal, bound, ok }]: [string, Ratio]): string[] {
  return [what, digits(figure), `${bound} ${goal}`, ok ? 'held' : 'MISSED'];
}

/** The first column to the left, numbers to the right. */
function table(head: string[], rows: string[][]): string[] {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  return all.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
}

function digits(value: number): string {
  return value.toLocaleString('en-US', { maximumSignificantDigits: value < 1000 ? 3 : 4 });
}
