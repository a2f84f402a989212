import { afterAll, expect, it } from '@jest/globals';
import { describeWith } from '../support/needs.js';
import { temporaryDirectories } from '../support/temporary-directory.js';
import { startCrowd } from './crowd.js';

/** At length: `npm run chaos -- --only crowd`, with 500. */
const INSTANCES = 60;

describeWith('proc', 'many instances that are asked for at the same moment', () => {
  const directory = temporaryDirectories(afterAll);

  it('all run, as a process and with a port each, and leave nothing when they are removed', async () => {
    expect((await startCrowd(await directory(), INSTANCES)).wrong).toEqual([]);
  });
});
