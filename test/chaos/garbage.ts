// npm run kills:gc -- [--kills N]
//
// kill -9 of a garbage collector in mid-pass, at random moments and at random steps, with a provider that lists half at times, and
// a database that is restored from a backup at times. Prints what was seen, and ends with code 1 if anything in use was removed,
// or any garbage was left.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { migrate } from '../../src/modules/schema/migrate.js';
import { atServer } from './full/place.js';
import { killCollector } from './garbage-kills.js';
import { print } from './report.js';

const { values } = parseArgs({ options: { kills: { type: 'string', default: '50' } } });
const kills = Number(values.kills);
if (!(Number.isInteger(kills) && kills >= 1))
  throw new RangeError(`--kills ${values.kills}: give a whole number, 1 or more`);

await atServer(async ({ url, checkout, directory }) => {
  await migrate(url);
  const progress = (n: number): void => void (n % 10 === 0 && process.stderr.write(`${n} kills\n`));
  const seen = await killCollector({ url, checkout, instances: join(directory, 'i'), kills, progress });
  print({
    title: `kill -9 of a garbage collector, ${seen.kills} times`,
    figures: [
      ['killed in mid-pass', seen.inMidPass],
      ['rounds with half lists', seen.halfLists],
      ['restored backups', seen.restores],
      ['garbage, all removed', seen.garbage],
      ['kept', seen.kept],
    ],
    wrong: seen.violations,
  });
  if (seen.violations.length) process.exitCode = 1;
});
