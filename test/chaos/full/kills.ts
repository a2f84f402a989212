import { INTERVAL, killAtRandom, limits } from '../kills.js';
import { type Report, spread } from '../report.js';
import { atServer } from './place.js';

/** The default. */
const LEASE = 5_000;

export async function fullKills(kills: number, lease = LEASE): Promise<Report> {
  const progress = (n: number) => void (n % 20 === 0 && process.stderr.write(`${n} kills\n`));
  const seen = await atServer((place) => killAtRandom({ ...place, kills, lease, progress }));
  const { takeovers, bareLateness, tally, violations, ended } = seen;
  const allowed = limits(lease, Math.ceil(bareLateness));
  const late = (kind: keyof typeof allowed) =>
    takeovers[kind].some((after) => after > allowed[kind])
      ? [`a takeover took longer than ${allowed[kind]} ms (${kind})`]
      : [];
  return {
    title: `kill -9: 3 replicas, 50 workers at 1 s, lease ${lease / 1_000} s, ${seen.kills} kills`,
    figures: [
      ['takeover of an idle worker', spread(takeovers.idle), `(limit ${allowed.idle})`],
      ['slots that passed before', takeovers.idleSlots.filter((after) => after > INTERVAL).length],
      ['a bare timer beside them', `late by at most ${Math.round(bareLateness)} ms`],
      ['takeover in mid-run', spread(takeovers.midRun), `(limit ${allowed.midRun})`],
      ...Object.entries(tally),
    ],
    wrong: [
      ...violations,
      ...late('idle'),
      ...late('midRun'),
      ...ended.map((output) => `a replica ended: ${output}`),
    ],
  };
}
