import { scaleLinear, scaleLog } from 'd3-scale';
import { straight, svg, text } from '../../test/support/svg.js';
import { type Measured } from '../harness/bench.js';
import { median } from '../harness/rounds.js';
import { amount, amounts } from './amount.js';
import { type Rows, rowsOf } from './rows.js';
import { type Sample } from './sample.js';

const WIDTH = 760;
const LEFT = 230;
const RIGHT = 150;
const BAR = 18;
const HEADING = 34;
/** From there on the smaller ones would not be seen beside the largest. */
const LOGARITHMIC_FROM = 40;
const OURS = 'ctrlplane-workers';

interface Panel {
  readonly title: string;
  readonly bars: readonly { subject: string; measured: Measured }[];
}

/**
 * The figures that a bench names to be plotted, a panel for each and its unit, a bar for each subject: its median, and a line from the least to the
 * most of its rounds.
 * @returns undefined if it names none
 */
export function plot({ bench, measured, plotted }: Sample): string | undefined {
  const panels = rowsOf(measured).flatMap((rows) => panelsOf(rows, plotted ?? []));
  if (panels.length === 0) return undefined;
  let top = 30;
  const parts = panels.map((panel) => {
    const drawn = drawPanel(panel, top);
    top += HEADING + BAR * panel.bars.length + 8;
    return drawn;
  });
  return svg(WIDTH, top + 6, bench, parts);
}

function panelsOf({ heading, columns, subjects, cell }: Rows, plotted: readonly string[]): Panel[] {
  const named = columns.map((column) => ({ column, title: heading ? `${heading}: ${column}` : column }));
  return named
    .filter(({ title }) => plotted.includes(title))
    .flatMap(({ column, title }) => {
      const bars = subjects.flatMap((subject) => {
        const measured = cell(subject, column);
        return measured ? [{ subject, measured }] : [];
      });
      const units = [...new Set(bars.map(({ measured }) => measured.unit))];
      return units.map((unit) => ({ title, bars: bars.filter(({ measured }) => measured.unit === unit) }));
    });
}

function drawPanel({ title, bars }: Panel, top: number): string {
  const medians = bars.map(({ measured }) => median(measured.samples));
  const most = Math.max(...bars.flatMap(({ measured }) => measured.samples));
  const least = Math.min(...medians);
  const logarithmic = least > 0 && most / least > LOGARITHMIC_FROM;
  const scale = logarithmic ? scaleLog().domain([least / 2, most]) : scaleLinear().domain([0, most || 1]);
  const x = scale.range([LEFT, WIDTH - RIGHT]).clamp(true);
  const bottom = top + HEADING + BAR * bars.length;
  const unit = bars[0]!.measured.unit;
  // There is no half of a run.
  const ticks = x.ticks(4).filter((value) => unit !== 'runs' || Number.isInteger(value));
  const grid = (logarithmic ? powersOfTen(least, most) : ticks).map(
    (value) =>
      straight('grid', [x(value), top + HEADING - 6], [x(value), bottom]) +
      text(x(value), top + HEADING - 9, amount(value, unit), { anchor: 'middle', faint: true }),
  );
  const drawn = bars.map(({ subject, measured }, i) => {
    const y = top + HEADING + BAR * i;
    const ours = subject.startsWith(OURS) ? ' ours' : '';
    const [from, to] = [Math.min(...measured.samples), Math.max(...measured.samples)];
    const range = from < to ? straight('range', [x(from), y + BAR / 2], [x(to), y + BAR / 2]) : '';
    const width = Math.max(1, x(medians[i]!) - LEFT).toFixed(2);
    return (
      text(LEFT - 8, y + 13, subject, { anchor: 'end' }) +
      `<rect class="bar${ours}" x="${LEFT}" y="${y + 3}" width="${width}" height="${BAR - 6}"/>` +
      range +
      text(Math.max(x(medians[i]!), x(to)) + 6, y + 13, amounts({ ...measured, samples: [medians[i]!] }))
    );
  });
  const suffix = logarithmic ? ' (each line is ten times the one before)' : '';
  return `<g>${text(12, top + 12, title + suffix)}${grid.join('')}${drawn.join('')}</g>`;
}

function powersOfTen(least: number, most: number): number[] {
  const [from, to] = [Math.ceil(Math.log10(least / 2)), Math.floor(Math.log10(most))];
  return Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i));
}
