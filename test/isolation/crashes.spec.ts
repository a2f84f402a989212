import { describe, expect, it } from '@jest/globals';
import { Random } from '../simulation/random.js';
import { crash, holdsMore } from './crashes.js';

/** The short form of `npm run kills:isolated`. */
describe('threads and processes that crash', () => {
  it('leave each run with its outcome, and the application with what it had', async () => {
    const random = new Random(20);
    const crashed = await crash(8, () => random.next());
    expect({ ...crashed, more: holdsMore(crashed) }).toMatchObject({ crashes: 8, more: false });
  });
});
