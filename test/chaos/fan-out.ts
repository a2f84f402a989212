// npm run kills:fan-out -- [--shards N] [--kills N] [--engine bullmq|pg-boss]
//
// kill -9 of replicas and of the engine's server in the middle of a fan-out. Prints what was seen, and ends with code 1 if a shard never
// ran or the run's record does not add up. pg-boss needs the Node 24 of `npm run test:setup`.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startEmbeddedPostgres } from '../../src/app/embedded-postgres/index.js';
import { eventually } from '../support/eventually.js';
import { runs } from '../support/processes.js';
import { RedisServer } from '../support/redis.js';
import { killFanOut } from './fan-out-kills.js';
import { atPlace } from './full/place.js';
import { print } from './report.js';

const { values } = parseArgs({
  options: {
    shards: { type: 'string', default: '100000' },
    kills: { type: 'string', default: '6' },
    engine: { type: 'string' },
  },
});
const [shards, kills] = [Number(values.shards), Number(values.kills)];
for (const [name, value] of Object.entries({ shards, kills }))
  if (!(Number.isInteger(value) && value >= 1))
    throw new RangeError(`--${name}: give a whole number, 1 or more`);

for (const engine of values.engine ? [values.engine] : ['bullmq', 'pg-boss'])
  await atPlace(async ({ checkout, directory }) => {
    const place = { directory: join(directory, 'postgres') };
    let postgres = await startEmbeddedPostgres(place);
    const { port, url } = postgres;
    const redis = engine === 'bullmq' ? await RedisServer.start() : undefined;
    const killEngine = async (): Promise<void> => {
      if (redis) {
        await redis.kill();
        return redis.start();
      }
      const { pid } = postgres;
      // As when its machine loses power, but that what was written stays.
      process.kill(pid, 'SIGQUIT');
      await eventually(() => !runs(pid), 60_000);
      postgres = await startEmbeddedPostgres({ ...place, settings: { port } });
    };
    try {
      const seen = await killFanOut({
        checkout, url, ...(redis && { redis: redis.url }), journal: join(directory, 'journal'),
        shards, takes: 0, replicas: 3, kills, killEngine, engineKills: Math.ceil(kills / 2),
        progress: (text) => void process.stderr.write(`${engine}: ${text}\n`),
      }); // prettier-ignore
      print({
        title: `a fan-out of ${shards} shards over ${engine}, killed in the middle of it`,
        figures: [
          ['replicas killed', seen.kills, `${seen.holders} of them with the run`],
          ['server of the engine killed', seen.engineKills],
          ...seen.attempts.map((attempt, i): [string, string] => [`attempt ${i + 1}`, attempt]),
          ['shards run', seen.items, `${seen.again} times more than once`],
          ['record', JSON.stringify(seen.record)],
          ['seconds', seen.seconds],
        ],
        wrong: seen.violations,
      });
      if (seen.violations.length > 0) process.exitCode = 1;
    } finally {
      await redis?.destroy();
      await postgres.stop();
    }
  });
