/** `npm run kills:isolated -- --crashes 50 --seed 1`: threads and processes of isolated workers, crashed at random. */
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { Random } from '../simulation/random.js';
import { crash, holdsMore } from './crashes.js';

const { values } = parseArgs({
  options: { crashes: { type: 'string', default: '50' }, seed: { type: 'string' } },
});
const seed = Number(values.seed ?? Date.now() % 1_000_000);
process.env.TEST_CHECKOUT = fileURLToPath(new URL('../../', import.meta.url));
console.log(`seed ${seed}`);
const random = new Random(seed);
const crashed = await crash(Number(values.crashes), () => random.next(), console.log);
console.log('Each run came to its outcome', crashed);
if (holdsMore(crashed)) {
  console.error('The application holds more than before');
  process.exitCode = 1;
}
