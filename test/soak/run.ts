// npm run soak -- [--minutes N] [--out FILE.svg]
//
// The reference app with all its workers at one second, while things fail: instances are killed, PostgreSQL is killed and frozen,
// its connections are ended, the fleet grows and shrinks, pages come and go. Prints how what the app holds has changed from the
// second fifth of the time to the last, writes a plot of it, and ends with code 1 if anything grew that should not.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { atPlace } from '../chaos/full/place.js';
import { print } from '../chaos/report.js';
import { type Growth, growthOf, isTooMuch } from './growth.js';
import { plot } from './plot.js';
import { soak } from './soak.js';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '30' }, out: { type: 'string', default: 'soak.svg' } },
});
const minutes = Number(values.minutes);
if (!(minutes >= 0.5)) throw new RangeError(`--minutes ${values.minutes}: give a number, 0.5 or more`);

/** Minutes from which on a ratio says something: before them the app still warms up. */
const JUDGED_FROM = 10;

await atPlace(async ({ checkout, directory }) => {
  const seen = await soak({
    checkout,
    directory,
    seconds: minutes * 60,
    said: (line) => process.stderr.write(`${line}\n`),
  });
  const growth = growthOf(seen.samples);
  await writeFile(values.out, plot(seen.samples, `ctrlplane-workers, ${minutes} minutes`));
  const grown = minutes < JUDGED_FROM ? [] : growth.filter(isTooMuch);
  const wrong = [
    ...seen.wrong,
    ...grown.map(({ of, from, to }) => `${of}: from ${digits(from)} to ${digits(to)}`),
  ];
  print({
    title: `${minutes} minutes of the reference app, each worker every second: ${seen.runs} runs, a plot in ${values.out}`,
    figures: [
      ...Object.entries(seen.faults).map(([name, times]): [string, string] => [name, `${times} times`]),
      ['what it held', 'second fifth', 'last fifth', 'ratio', 'at most'],
      ...growth.filter(isWorthALine).map(row),
    ],
    wrong,
  });
  if (wrong.length) process.exitCode = 1;
});

/** Most tables have a few pages, which stay what they are. */
function isWorthALine(growth: Growth): boolean {
  return isTooMuch(growth) || growth.to >= 0.5;
}

function row({ of, from, to, ratio, limit }: Growth): [string, ...string[]] {
  const cells = [digits(from), digits(to), ratio.toFixed(2), limit?.toFixed(2) ?? 'its retention'];
  const widths = [12, 10, 5, 7];
  return [of, ...cells.map((cell, column) => cell.padStart(widths[column]!))];
}

function digits(value: number): string {
  return value.toFixed(1);
}
