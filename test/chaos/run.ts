// npm run chaos -- --kills N [--only name,name] [--lease 1s] [--seed N]
//
// Everything that the specs of this folder try a small share of, at length and with the real times. Prints what was seen,
// and ends with code 1 if anything was not as it should be.
import { parseArgs } from 'node:util';
import { fullCrowd } from './full/crowd.js';
import { fullHosts } from './full/hosts.js';
import { fullJob, fullSleep } from './full/holder.js';
import { fullKills } from './full/kills.js';
import { fullOutages } from './full/outages.js';
import { print, type Report } from './report.js';
import { type Duration, parseDuration } from '../../src/core/timing/duration.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    only: { type: 'string' },
    /** Of every run of a worker. Default: 5 s where a holder is killed or stopped; where the database is, what fits the workers, 1 s. */
    lease: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const kills = Number(values.kills);
if (!(Number.isInteger(kills) && kills >= 1))
  throw new RangeError(`--kills ${values.kills}: give a whole number, 1 or more`);

/** Milliseconds. */
const lease = values.lease === undefined ? undefined : parseDuration(values.lease as Duration);
const seed = Number(values.seed);
if (!Number.isSafeInteger(seed)) throw new RangeError(`--seed ${values.seed}: give a whole number`);

const scenarios: Record<string, () => Promise<Report>> = {
  kills: () => fullKills(kills, lease),
  hosts: () => fullHosts(Math.min(kills, 40), seed),
  crowd: fullCrowd,
  job: () => fullJob(lease),
  sleep: () => fullSleep(lease),
  outages: () => fullOutages(lease),
};
const chosen = values.only?.split(',') ?? Object.keys(scenarios);
for (const name of chosen)
  if (!scenarios[name])
    throw new RangeError(`--only ${name}: there are ${Object.keys(scenarios).join(', ')}`);

for (const name of chosen) {
  const report = await scenarios[name]!();
  print(report);
  if (report.wrong.length > 0) process.exitCode = 1;
}
