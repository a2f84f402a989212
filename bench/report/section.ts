import { type Ratio } from '../harness/bench.js';
import { amounts, digits } from './amount.js';
import { plotPath } from './places.js';
import { type Rows, rowsOf } from './rows.js';
import { type Sample, type Samples } from './sample.js';

/** What one run of a bench has to say beside its claims: how it was run, its plot and figures, and what a reader has to know to judge them. */
export function section(sample: Sample, plotted: boolean): string {
  return [
    provenance(sample),
    ...(plotted ? [`![${sample.bench}: medians beside each other](${plotPath(sample.bench).inDocs})`] : []),
    ...rowsOf(sample.measured).map(figures),
    sample.notes.map((note) => `- ${note}`).join('\n'),
  ].join('\n\n');
}

/** The claims of all benches that have been run, each with what was seen. */
export function claims(samples: Samples): string {
  const rows = Object.values(samples).flatMap(({ bench, ratios, machine, loadAfter }) =>
    Object.entries(ratios).map(([claim, ratio]) => [
      claim,
      `\`npm run bench ${bench}\``,
      `${ratio.bound} ${ratio.goal.toLocaleString('en-US')}`,
      seen(ratio),
      load(machine.loadAverage, loadAfter),
    ]),
  );
  return table(['claim', 'command', 'goal', 'seen', 'load'], rows);
}

function seen({ figure, ok }: Ratio): string {
  return ok ? digits(figure) : `missed: ${digits(figure)}`;
}

function figures({ heading, columns, subjects, cell }: Rows): string {
  const rows = subjects.map((subject) => [
    subject,
    ...columns.map((column) => {
      const measured = cell(subject, column);
      return measured ? amounts(measured) : '';
    }),
  ]);
  const words = heading && `${heading[0]!.toUpperCase()}${heading.slice(1)}:\n\n`;
  return words + table(['', ...columns], rows);
}

function provenance({ command, at, commit, machine, loadAfter, niceness, versions, bench }: Sample): string {
  const { cpu, cores, memoryBytes, platform, node, loadAverage } = machine;
  const day = new Date(at).toLocaleDateString('en-GB', { dateStyle: 'long', timeZone: 'UTC' });
  const beside = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    `\`${command}\` on ${day}, commit ${commit}; ${cpu}, ${cores} cores, ${Math.round(memoryBytes / 2 ** 30)} GB, ${platform},`,
    `Node ${node.slice(1)}; load ${load(loadAverage, loadAfter)}${niceness === 0 ? '' : `, niceness ${niceness}`}.${beside.length > 0 ? ` Beside: ${beside.join(', ')}.` : ''}`,
    `Medians, and in brackets the least and the most of the rounds; [each sample](benchmarks/${bench}.json).`,
  ].join('\n');
}

function load(before: number, after: number): string {
  return `${digits(before)} to ${digits(after)}`;
}

/** @param rows the first cell of each is what it is about, the others stand to the right */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'));
  return [row(head), row(rule), ...rows.map(row)].join('\n');
}
