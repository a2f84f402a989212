// npm run kills:schedules -- [--minutes 5] [--stored 1000000] [--every 30m] [--pause 10s] [--lease 10s] [--replicas 3]
//
// kill -9 of one of three replicas at random, every ten seconds, while they run stored schedules. Prints what was seen, and ends with
// code 1 if a due time was lost, was completed twice, or is not accounted for.
import { parseArgs } from 'node:util';
import { type Duration, parseDuration } from '../../src/core/timing/duration.js';
import { atServer } from './full/place.js';
import { print } from './report.js';
import { killSchedulers } from './schedule-kills.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    stored: { type: 'string', default: '1000000' },
    every: { type: 'string', default: '30m' },
    pause: { type: 'string', default: '10s' },
    lease: { type: 'string', default: '10s' },
    replicas: { type: 'string', default: '3' },
  },
});
const number = (name: 'minutes' | 'stored' | 'replicas', whole: boolean): number => {
  const value = Number(values[name]);
  if (!(value > 0 && Number.isFinite(value) && (!whole || Number.isInteger(value))))
    throw new RangeError(`--${name} ${values[name]}: give a ${whole ? 'whole ' : ''}number above 0`);
  return value;
};
const [minutes, stored, replicas] = [
  number('minutes', false),
  number('stored', true),
  number('replicas', true),
];
const ms = (name: 'every' | 'pause' | 'lease'): number => parseDuration(values[name] as Duration);

await atServer(async ({ url, checkout }) => {
  const seen = await killSchedulers({
    ...{ url, checkout, stored, replicas },
    every: ms('every'),
    duration: minutes * 60_000,
    pause: ms('pause'),
    lease: ms('lease'),
    progress: (line) => void process.stderr.write(`${line}\n`),
  });
  print({
    title: `kill -9 of one of ${replicas} replicas, ${seen.kills} times, with ${stored} stored schedules`,
    figures: [
      ['due times', seen.due],
      ['completed once', seen.completed],
      ['missed, as a newer one had come', seen.due - seen.completed],
      ['claims', seen.claims],
      ['of these, of what a killed replica had claimed', seen.takenOver],
      ['effects', seen.effects],
      ['of these again, as the replica died before it could say so', seen.repeatedEffects],
      ['from due to effect', `median ${seen.p50} ms, p99 ${seen.p99} ms, longest ${seen.longest} ms`],
    ],
    wrong: seen.violations,
  });
  if (seen.violations.length) process.exitCode = 1;
});
