import { killHostsAtRandom } from '../hosts.js';
import { type Report } from '../report.js';
import { atServer } from './place.js';

export async function fullHosts(kills: number, seed: number): Promise<Report> {
  const progress = (n: number) => void (n % 5 === 0 && process.stderr.write(`${n} kills\n`));
  const seen = await atServer((place) => killHostsAtRandom({ ...place, kills, seed, progress }));
  const { asked, refused, starts, instances, deleted, settledAfter, wrong } = seen;
  return {
    title: `kill -9: 2 hosts with stores of their own on one database, ${seen.kills} kills, seed ${seed}`,
    figures: [
      ['asked for', JSON.stringify(asked)],
      ['refused', refused.length],
      ['instances that ran', JSON.stringify(instances)],
      ['starts', starts],
      ['deletions told', deleted],
      ['all as its rows say', `${Math.round(settledAfter)} ms after the last start`],
    ],
    wrong,
  };
}
