// npm run kills:reconciler -- [--kills N] [--stride N] [--only random|steps]
//
// kill -9 of a control plane while it installs, updates, rolls back, retires, scales and removes: at random moments, and at
// each single step. Prints what was seen, and ends with code 1 if anything was not as it should be.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { migrate } from '../../src/modules/schema/migrate.js';
import { atServer } from './full/place.js';
import { killPlaneAtEachStep, killPlaneAtRandom } from './plane-kills.js';
import { print, spread } from './report.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    stride: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
});
const whole = (name: 'kills' | 'stride'): number => {
  const value = Number(values[name]);
  if (!(Number.isInteger(value) && value >= 1))
    throw new RangeError(`--${name} ${values[name]}: give a whole number, 1 or more`);
  return value;
};
const [kills, stride] = [whole('kills'), whole('stride')];
if (values.only !== undefined && !['random', 'steps'].includes(values.only))
  throw new RangeError(`--only ${values.only}: there are random, steps`);
const say = (line: string): void => void process.stderr.write(`${line}\n`);

await atServer(async ({ url, checkout, directory }) => {
  await migrate(url);
  const instances = (name: string) => join(directory, name);
  if (values.only !== 'steps') {
    const progress = (n: number): void => void (n % 10 === 0 && say(`${n} kills`));
    const seen = await killPlaneAtRandom({ url, checkout, instances: instances('random'), kills, progress });
    print({
      title: `kill -9 of a control plane at random moments, ${seen.kills} times`,
      figures: [
        ...Object.entries(seen.orders).map(([name, n]): [string, number] => [`killed after "${name}"`, n]),
        ['from start to all as it should be', spread(seen.converged)],
      ],
      wrong: seen.violations,
    });
    if (seen.violations.length) process.exitCode = 1;
  }
});
await atServer(async ({ url, checkout, directory }) => {
  if (values.only === 'random') return;
  await migrate(url);
  const progress = (change: string, step: number): void =>
    void (step % 10 === 1 && say(`${change}: step ${step}`));
  const seen = await killPlaneAtEachStep({
    url,
    checkout,
    instances: join(directory, 'i'),
    stride,
    progress,
  });
  print({
    title: `kill -9 of a control plane at ${stride === 1 ? 'each step' : `every ${stride}th step`} of each change`,
    figures: Object.entries(seen.steps),
    wrong: seen.violations,
  });
  if (seen.violations.length) process.exitCode = 1;
});
