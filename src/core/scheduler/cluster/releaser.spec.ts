import { beforeEach, describe, expect, it } from '@jest/globals';
import { type Release, type ReleaseAnswer } from '../../coordination/coordinator.js';
import { type WorkerRecord } from '../../coordination/worker-record.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { type ClusterParts } from './cluster-parts.js';
import { type ClusterView } from './cluster-view.js';
import { CoordinatorClock } from './coordinator-clock.js';
import { Releaser } from './releaser.js';

const release: Release = {
  worker: 'w', runId: 'run', fencing: 1, kind: 'done', leased: true, retry: false, delay: 'keep', tell: false,
}; // prettier-ignore
const RECORD = { name: 'w', status: { consecutiveFailures: 0 } } as WorkerRecord;

describe('Releaser', () => {
  let clock: ManualClock;
  let releaser: Releaser;
  /** What the coordinator does with the calls to come; the last of it from then on. */
  let answers: ('lost' | WorkerRecord | undefined)[];
  let calls: number;
  let learnt: WorkerRecord[];

  beforeEach(() => {
    clock = new ManualClock();
    calls = 0;
    learnt = [];
    const coordinator = {
      release: async (): Promise<ReleaseAnswer> => {
        calls++;
        const answer = answers.length > 1 ? answers.shift() : answers[0];
        if (answer === 'lost') throw new Error('no answer');
        return { time: clock.now(), record: answer };
      },
    };
    const parts = {
      coordinator,
      clock: new CoordinatorClock(clock),
      reached: () => {},
      conditions: { failures: () => {} },
    } as unknown as ClusterParts;
    releaser = new Releaser(
      parts,
      () =>
        ({ learn: (record: WorkerRecord) => learnt.push(record), given: () => {} }) as unknown as ClusterView,
    );
  });

  async function give(given: Partial<Release> = {}): Promise<boolean | 'pending'> {
    let accepted: boolean | 'pending' = 'pending';
    void releaser.giveBack({ ...release, ...given }).then((answer) => (accepted = answer));
    await clock.advance('2s');
    return accepted;
  }

  it('gives a lease back, and the view learns how the worker is then', async () => {
    answers = [RECORD];
    expect(await give()).toBe(true);
    expect([calls, learnt]).toEqual([1, [RECORD]]);
  });

  it('says that the token was taken over', async () => {
    answers = [undefined];
    expect(await give()).toBe(false);
    expect(learnt).toEqual([]);
  });

  it('sends it until there is an answer, each half second', async () => {
    answers = ['lost', 'lost', RECORD];
    expect(await give()).toBe(true);
    expect(calls).toBe(3);
  });

  it('believes that it got through when the token is another one only after a lost answer', async () => {
    answers = ['lost', undefined];
    expect(await give()).toBe(true);
  });

  it('sends once what was written without a lease: it would be counted twice', async () => {
    answers = ['lost'];
    expect(await give({ leased: false })).toBe(true);
    expect(calls).toBe(1);
  });

  it('leaves the lease to its end once it is stopped, and tries on again after another start', async () => {
    answers = ['lost'];
    expect(await give()).toBe('pending');
    releaser.stop();
    calls = 0;
    expect(await give()).toBe(true);
    expect(calls).toBeLessThanOrEqual(2);
    releaser.start();
    expect(await give()).toBe('pending');
  });
});
