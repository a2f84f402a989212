import { beforeEach, describe, expect, it } from '@jest/globals';
import { type Claim, type ClaimAnswer } from '../../coordination/coordinator.js';
import { CoordinatorClock } from './coordinator-clock.js';
import { LocalCoordinator } from '../../coordination/local.coordinator.js';
import { type RequestedRun } from '../../coordination/worker-record.js';
import { storeTiming } from '../../registry/stored-timing.js';
import { defineWorker, type WorkerDefinition } from '../../registry/worker-definition.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { Claimant } from './claimant.js';
import { type ClusterParts } from './cluster-parts.js';
import { ClusterView } from './cluster-view.js';

/** Notes what is asked for, and loses answers when told to. */
class Forgetful extends LocalCoordinator {
  readonly claims: Claim[] = [];
  loses = false;

  override async claim(claim: Claim): Promise<ClaimAnswer> {
    this.claims.push(claim);
    const answer = await super.claim(claim);
    if (this.loses) throw new Error('the answer was lost');
    return answer;
  }
}

describe('Claimant', () => {
  let clock: ManualClock;
  let coordinator: Forgetful;
  let claimant: Claimant;
  let view: ClusterView;
  let reached: unknown[];

  beforeEach(async () => {
    clock = new ManualClock();
    coordinator = new Forgetful(clock);
    reached = [];
    const checked = defineWorker({ name: 'w', interval: '10s', run: () => {} }, 'a test');
    const { definition } = checked as { definition: WorkerDefinition };
    const parts: Partial<ClusterParts> = {
      coordinator,
      clock: new CoordinatorClock(clock),
      lease: 5_000,
      reached: (error) => reached.push(error),
    };
    claimant = new Claimant(definition, parts as ClusterParts, 'me');
    const timing = storeTiming('10s', definition);
    const { records } = await coordinator.enroll([{ name: 'w', timing, slot: clock.now() }]);
    view = new ClusterView(definition, records[0]!, clock.now());
    await clock.advance('10s');
  });

  it('claims what the view wants, and hands on the answer with the time of asking', async () => {
    const target = claimant.next(view)!;
    expect(target).toEqual(view.wanted(clock.now()));
    const { answer, sentAt } = (await claimant.claim(target, view))!;
    expect(answer).toMatchObject({
      granted: true,
      record: { holder: 'me', runId: coordinator.claims[0]!.runId },
    });
    expect(sentAt).toBe(clock.monotonic());
    expect([claimant.unsure, claimant.resting, reached]).toEqual([false, 0, [undefined]]);
  });

  describe('without an answer', () => {
    beforeEach(async () => {
      coordinator.loses = true;
      expect(await claimant.claim(claimant.next(view)!, view)).toBeUndefined();
      coordinator.loses = false;
    });

    it('says so, and leaves the coordinator alone for half a second', async () => {
      expect([claimant.unsure, claimant.resting, reached.length]).toEqual([true, 500, 1]);
      await clock.advance('500ms');
      expect(claimant.resting).toBe(0);
    });

    it('asks by the same run, which was granted', async () => {
      const { answer } = (await claimant.claim(claimant.next(view)!, view))!;
      const [first, again] = coordinator.claims;
      expect(again!.runId).toBe(first!.runId);
      expect(answer).toMatchObject({ granted: true, record: { runId: first!.runId } });
      expect(claimant.unsure).toBe(false);
    });

    it('asks for the slot that is the latest by then', async () => {
      await clock.advance('1m');
      await claimant.claim(claimant.next(view)!, view);
      const [first, again] = coordinator.claims;
      expect(again!.runId).toBe(first!.runId);
      expect(again!.target).not.toEqual(first!.target);
      expect(again!.target).toEqual(view.wanted(clock.now()));
    });

    it('asks for that first, whatever a person has asked for meanwhile', async () => {
      const request: RequestedRun = {
        id: 'asked',
        worker: 'w',
        trigger: 'manual',
        payload: undefined,
        requestedAt: clock.now(),
        attempts: 0,
      };
      view.requests.replace([request]);
      expect(claimant.next(view)).toHaveProperty('slot');
    });
  });

  it('gives the run of a request its id, by which it is known to who asked, and later ones another', async () => {
    const request = { id: 'asked', worker: 'w', trigger: 'manual', requestedAt: 0 } as const;
    await claimant.claim({ request: { ...request, payload: undefined, attempts: 0 } }, view);
    await claimant.claim({ request: { ...request, payload: undefined, attempts: 1 } }, view);
    const [first, second] = coordinator.claims;
    expect(first!.runId).toBe('asked');
    expect(second!.runId).not.toBe('asked');
  });
});
