import { describe, expect, it } from '@jest/globals';
import { lostRun } from './lost-run.js';

describe('lostRun', () => {
  const lost = { runId: 'run', replica: 'dead', attempt: 1, slot: 1_000, startedAt: 1_020 };

  it('tells of a run for a slot, by the replica that fell silent, until it was noticed', () => {
    expect(lostRun('w', lost, 6_000)).toEqual({
      id: 'run',
      worker: 'w',
      replica: 'dead',
      trigger: 'schedule',
      attempt: 1,
      slot: new Date(1_000),
      scheduledAt: new Date(1_000),
      startedAt: new Date(1_020),
      endedAt: new Date(6_000),
      outcome: 'lost',
    });
  });

  it('tells of a later attempt as a retry', () => {
    expect(lostRun('w', { ...lost, attempt: 2 }, 6_000)).toMatchObject({ trigger: 'retry', attempt: 2 });
  });

  it('tells of a run that was asked for without a slot, due when it started', () => {
    const run = lostRun('w', { ...lost, slot: undefined }, 6_000);
    expect(run).toMatchObject({ trigger: 'manual', scheduledAt: new Date(1_020) });
    expect(run).not.toHaveProperty('slot');
  });

  it('keeps what an event or a person asked for', () => {
    const request = { trigger: 'event', payload: { of: 'you' } } as const;
    const run = lostRun('w', { ...lost, slot: undefined, request }, 6_000);
    expect(run).toMatchObject(request);
    expect(run).not.toHaveProperty('actor');
    const long = { trigger: 'manual', actor: 'ann', payload: 'x'.repeat(300_000) } as const;
    const cut = lostRun('w', { ...lost, slot: undefined, request: long }, 6_000);
    expect(cut).toMatchObject({ trigger: 'manual', actor: 'ann', payloadOmitted: true });
    expect(cut).not.toHaveProperty('payload');
  });
});
