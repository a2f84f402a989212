import { describe, expect, it } from '@jest/globals';
import { type EndedRun } from '../history/run.js';
import { type KeptStatus, noRunYet, runEnded, runStarted } from './status-changes.js';

const run = (given: Partial<EndedRun>): EndedRun => ({
  id: 'run', worker: 'w', replica: 'me', trigger: 'schedule', attempt: 1,
  scheduledAt: new Date(1_000), startedAt: new Date(1_000), endedAt: new Date(1_250), outcome: 'succeeded', ...given,
}); // prettier-ignore

const failed = run({ outcome: 'failed', error: { name: 'TypeError', message: 'broken' } });

describe('the status of a worker', () => {
  const after = (...runs: EndedRun[]): KeptStatus => {
    const status = noRunYet();
    for (const one of runs) {
      runStarted(status, one.startedAt.getTime());
      runEnded(status, one, one.endedAt.getTime());
    }
    return status;
  };

  it('says when the last run started and ended, how long it took, and how it ended', () => {
    expect(after(run({}))).toMatchObject({
      lastRun: 1_000,
      lastEnd: 1_250,
      lastSuccess: 1_250,
      lastDurationMs: 250,
      lastError: undefined,
      runCount: 1,
    });
    expect(after(failed).lastError).toContain('broken');
    expect(after(failed, run({})).lastError).toBeUndefined();
    expect(after(run({}), failed).lastSuccess).toBe(1_250);
  });

  it.each([
    [[failed, failed], 2],
    [[failed, run({}), failed], 1],
    [[failed, run({ outcome: 'timed_out' }), run({ outcome: 'aborted' })], 3],
    [[failed, run({ outcome: 'cancelled' })], 1],
    [[run({ outcome: 'cancelled' })], 0],
  ])(
    'counts failures in a row, to which a cancelled run neither adds nor puts an end: %#',
    (runs, failures) => {
      expect(after(...runs)).toMatchObject({ consecutiveFailures: failures, runCount: runs.length });
    },
  );

  it('has no progress but that of an active run', () => {
    const status = noRunYet();
    status.progress = { done: 1 };
    runStarted(status, 1_000);
    expect(status.progress).toBeUndefined();
    status.progress = { done: 2 };
    runEnded(status, run({}), 1_250);
    expect(status.progress).toBeUndefined();
  });
});
