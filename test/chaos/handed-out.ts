// npm run kills:handed-out -- [--kills N] [--engine bullmq|pg-boss]
//
// kill -9 of replicas in the middle of passes of the garbage collector that they share. Prints what was seen, and ends with code 1 if
// anything in use was removed, garbage was left, or a run's record does not add up. pg-boss needs the Node 24 of
// `npm run test:setup`.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { migrate } from '../../src/modules/schema/migrate.js';
import { RedisServer } from '../support/redis.js';
import { atServer } from './full/place.js';
import { killHandedOut } from './handed-out-kills.js';
import { print } from './report.js';

const ENGINES = ['bullmq', 'pg-boss'];

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '50' }, engine: { type: 'string' } },
});
const kills = Number(values.kills);
if (!(Number.isInteger(kills) && kills >= 1))
  throw new RangeError(`--kills ${values.kills}: give a whole number, 1 or more`);
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
        checkout, url, ...(redis && { redis: redis.url }), directory: own, kills,
        progress: (text) => void process.stderr.write(`${engine}: ${text}\n`),
      }); // prettier-ignore
      print({
        title: `passes of the garbage collector over ${engine}, replicas killed ${seen.kills} times`,
        figures: [
          ['killed in mid-pass', seen.inMidPass, `${seen.holders} of all with the run`],
          ['runs with another attempt', seen.repeated],
          ['garbage, all removed', seen.garbage],
          ['kept', seen.kept],
          ['removals that came twice', seen.again],
        ],
        wrong: seen.violations,
      });
      if (seen.violations.length > 0) process.exitCode = 1;
    } finally {
      await redis?.destroy();
    }
  });
