import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../testing/manual-clock.js';
import { type Claim, SILENT_AFTER } from './coordinator.js';
import { LocalCoordinator } from './local.coordinator.js';

describe('runs without a lease', () => {
  let clock: ManualClock;
  let coordinator: LocalCoordinator;
  const nothing = { revisions: new Map<string, number>(), awaited: ['r'], unleased: [] };

  beforeEach(async () => {
    clock = new ManualClock();
    coordinator = new LocalCoordinator(clock);
    await coordinator.enroll([{ name: 'w', timing: '{}', slot: clock.now() }]);
    await coordinator.request({
      id: 'r',
      worker: 'w',
      trigger: 'manual',
      payload: undefined,
      overlap: 'allow',
      maxAttempts: 3,
    });
  });

  const claim = (replica: string): Claim => ({
    worker: 'w',
    runId: 'r',
    replica,
    fencing: 0,
    from: clock.now(),
    target: { request: 'r' },
    missed: 0,
    skipped: 0,
    lease: undefined,
    maxAttempts: 3,
  });

  it('are granted once, to the replica whose claim is repeated and to no other', async () => {
    const first = claim('a');
    expect(await coordinator.claim(first)).toMatchObject({ granted: true });
    expect(await coordinator.claim(claim('b'))).toMatchObject({ granted: false, reason: 'over' });
    expect(await coordinator.claim(first)).toMatchObject({ granted: true, lost: undefined });
  });

  it('of which nothing is heard any more are told to be dropped to who waits for them', async () => {
    await coordinator.claim(claim('a'));
    await clock.advance(SILENT_AFTER);
    expect((await coordinator.pulse({ ...nothing, unleased: ['r'] })).outcomes).toEqual(new Map());
    await clock.advance(SILENT_AFTER);
    expect((await coordinator.pulse(nothing)).outcomes).toEqual(new Map());
    await clock.advance(1);
    expect((await coordinator.pulse(nothing)).outcomes).toEqual(new Map([['r', { dropped: true }]]));
  });
});
