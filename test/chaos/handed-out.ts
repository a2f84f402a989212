// npm run kills:handed-out -- [--worker gc|reconciler|telemetry_collector] [--kills N] [--engine bullmq|pg-boss]
//
// kill -9 of replicas in the middle of passes of a worker that they share, by default of the garbage collector. Prints what was seen,
// and ends with code 1 if anything in use was removed, garbage was left, a workload has too few or too many instances, an endpoint
// was left out, or a run's record does not add up. pg-boss needs the Node 24 of `npm run test:setup`.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { migrate } from '../../src/modules/schema/migrate.js';
import { RedisServer } from '../support/redis.js';
import { atServer } from './full/place.js';
import { HANDED_OUT, killHandedOut } from './handed-out-kills.js';
import { print } from './report.js';

const ENGINES = ['bullmq', 'pg-boss'];

const { values } = parseArgs({
  options: {
    worker: { type: 'string', default: 'gc' },
    kills: { type: 'string', default: '50' },
    engine: { type: 'string' },
  },
});
const kills = Number(values.kills);
if (!(Number.isInteger(kills) && kills >= 1))
  throw new RangeError(`--kills ${values.kills}: give a whole number, 1 or more`);
const worker = Object.keys(HANDED_OUT).find((name) => name === values.worker) as
  keyof typeof HANDED_OUT | undefined;
if (worker === undefined)
  throw new RangeError(`--worker ${values.worker}: give one of ${Object.keys(HANDED_OUT).join(', ')}`);
if (values.engine !== undefined && !ENGINES.includes(values.engine))
  throw new RangeError(`--engine ${values.engine}: give one of ${ENGINES.join(', ')}`);

for (const engine of values.engine ? [values.engine] : ENGINES)
  await atServer(async ({ checkout, directory, url }) => {
    await migrate(url);
    const redis = engine === 'bullmq' ? await RedisServer.start() : undefined;
    const own = join(directory, 'replicas');
    await mkdir(own);
    try {
      const seen = await killHandedOut({
        checkout, worker, url, ...(redis && { redis: redis.url }), directory: own, kills,
        progress: (text) => void process.stderr.write(`${engine}: ${text}\n`),
      }); // prettier-ignore
      print({
        title: `passes of ${worker} over ${engine}, replicas killed ${seen.kills} times`,
        figures: [
          ['killed in mid-pass', seen.inMidPass, `${seen.holders} of all with the run`],
          ['passes with another run', seen.repeated],
          ...Object.entries(seen.figures),
        ],
        wrong: seen.violations,
      });
      if (seen.violations.length > 0) process.exitCode = 1;
    } finally {
      await redis?.destroy();
    }
  });
