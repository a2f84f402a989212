import { INTERVAL, restartPostgres } from '../outages.js';
import { type Report, spread } from '../report.js';
import { atPlace } from './place.js';

const RESTARTS = 20;
const STOPPED = 30_000;

export async function fullOutages(lease?: number): Promise<Report> {
  const progress = (n: number) => void process.stderr.write(`${n} restarts\n`);
  const seen = await atPlace((place) =>
    restartPostgres({ ...place, restarts: RESTARTS, stopped: STOPPED, lease, progress }),
  );
  const { resumed, violations, ended, output, tally } = seen;
  const slow = resumed.filter((after) => after > INTERVAL);
  return {
    title: `PostgreSQL restarts ${RESTARTS} times, every other time by a crash, and stays away for 30 s`,
    figures: [
      ['until all 20 workers ran again', spread(resumed), `(limit ${INTERVAL})`],
      ['replicas that ended', ended],
      ...Object.entries(tally),
    ],
    wrong: [
      ...violations,
      ...(slow.length > 0
        ? [`work went on ${slow.map(Math.round).join(', ')} ms after PostgreSQL was back`]
        : []),
      ...(ended > 0 || /unhandled/i.test(output) ? [`a replica ended, or nearly: ${output}`] : []),
    ],
  };
}
