import { afterEach, describe, expect, it } from '@jest/globals';
import { testCluster, type TestCluster } from '../../../../test/support/cluster.js';
import {
  type Claim,
  type ClaimAnswer,
  type Enrolment,
  type Release,
  type ReleaseAnswer,
  type RequestAnswer,
  type RunRequestInput,
} from '../../coordination/coordinator.js';
import { LocalCoordinator } from '../../coordination/local.coordinator.js';
import { StoreRefusedError } from '../../outages/store-refused.error.js';
import { ManualClock } from '../../testing/manual-clock.js';

/** Takes every call but those that a test has it refuse. */
class Fussy extends LocalCoordinator {
  claims?: Error;
  requestFails?: Error;
  unknowable?: string;
  releaseFails?: Error;

  override async release(release: Release): Promise<ReleaseAnswer> {
    if (this.releaseFails) throw this.releaseFails;
    return super.release(release);
  }

  override async claim(claim: Claim): Promise<ClaimAnswer> {
    if (this.claims) throw this.claims;
    return super.claim(claim);
  }

  override async request(request: RunRequestInput): Promise<RequestAnswer> {
    if (this.requestFails) throw this.requestFails;
    return super.request(request);
  }

  override async enroll(workers: readonly Enrolment[]) {
    const answer = await super.enroll(workers.filter(({ name }) => name !== this.unknowable));
    const refused = workers.filter(({ name }) => name === this.unknowable);
    return { ...answer, refused: refused.map(({ name }) => ({ name, error: new Error('no such letters') })) };
  }
}

describe('a coordination that takes some calls and not others', () => {
  const clock = new ManualClock();
  const coordinator = new Fussy(clock);
  let cluster: TestCluster;
  afterEach(() => cluster.close());

  it.each([
    ['refused', new StoreRefusedError('relation "workers" does not exist', 'state'), /^The coordination refuses claims: relation/],
    ['unreachable', new Error('connect ECONNREFUSED'), /^The coordination cannot be reached, .*: connect ECONNREFUSED/],
  ])('is %s as long as it is, and that is said once', async (state, error, text) => {
    cluster = testCluster(clock, coordinator);
    const { scheduler, logs } = await cluster.join(() => [{ name: 'w', interval: '1s', run: () => {} }]);
    await clock.advance('3s');
    expect(scheduler.coordination).toEqual({ state: 'ok' });

    coordinator.claims = error;
    for (let i = 0; i < 50; i++) {
      await clock.advance('200ms');
      if (i > 6) expect(scheduler.coordination).toMatchObject({ state });
    }
    // A worker that cannot run becomes stale, which is said as well.
    const ofCoordination = () => logs.filter((line) => !line.startsWith('Worker "w" is stale'));
    expect(ofCoordination()).toEqual([expect.stringMatching(text)]);

    delete coordinator.claims;
    await clock.advance('3s');
    expect(scheduler.coordination).toEqual({ state: 'ok' });
    expect(ofCoordination()).toHaveLength(1);
  }); // prettier-ignore

  it('is over with the next news when a call did not get through that nobody repeats', async () => {
    cluster = testCluster(clock, coordinator);
    coordinator.requestFails = new Error('connect ECONNREFUSED');
    const { scheduler, logs } = await cluster.join(() => [
      { name: 'once', interval: '1h', runOnStart: true, run: () => {} },
    ]);
    await clock.advance(0);
    expect(scheduler.coordination).toEqual({ state: 'unreachable' });
    delete coordinator.requestFails;
    await clock.advance('1s');
    expect(scheduler.coordination).toEqual({ state: 'ok' });
    expect(logs).toEqual([expect.stringMatching(/^The coordination cannot be reached/)]);
  });

  it('says which worker it can never know, and all others run', async () => {
    coordinator.unknowable = '日本';
    cluster = testCluster(clock, coordinator);
    const ran: string[] = [];
    const { logs } = await cluster.join(() =>
      ['日本', 'other'].map((name) => ({ name, interval: '1s', run: () => ran.push(name) })),
    );
    await clock.advance('10s');
    expect(new Set(ran)).toEqual(new Set(['other']));
    expect(logs).toEqual([expect.stringMatching(/^"日本" will not run here.*no such letters/)]);
  });

  it('that took no release before a stop: after another start the worker runs again', async () => {
    cluster = testCluster(clock, coordinator);
    const { scheduler, runs } = await cluster.join(() => [{ name: 'w', interval: '1s', run: () => {} }]);
    coordinator.releaseFails = new Error('connect ECONNREFUSED');
    await clock.advance('3s');
    const stopped = scheduler.stop();
    await clock.advance('6s');
    await stopped;
    delete coordinator.releaseFails;
    const before = (await runs('w')).length;
    scheduler.start();
    await clock.advance('10s');
    expect((await runs('w')).length).toBeGreaterThan(before + 5);
  });
});
