import { describe, expect, it } from '@jest/globals';
import { PackedRun } from './packed-run.js';
import { type Run } from './run.js';

describe('PackedRun', () => {
  const start = Date.UTC(2026, 0, 1);
  const run: Run = {
    id: 'b3c1b9c2-64a5-4b3e-9f57-0a5e0f0f4a11',
    worker: 'report',
    replica: 'r',
    trigger: 'retry',
    slot: new Date(start - 90 * 86_400_000),
    attempt: 3,
    scheduledAt: new Date(start - 2),
    startedAt: new Date(start),
    outcome: 'running',
  };

  it('gives back the record, also of a run that comes months after its slot', () => {
    expect(new PackedRun(run).unpack('report')).toStrictEqual(run);
    const ended = { ...run, endedAt: new Date(start), outcome: 'succeeded' as const, blockedMs: 0 };
    expect(new PackedRun(ended).unpack('report')).toStrictEqual(ended);
    const ofKey = { ...run, key: '', fencingToken: 7 };
    expect(new PackedRun(ofKey).unpack('report')).toStrictEqual(ofKey);
  });

  it('is of the moment at which it was made, whatever becomes of the record', () => {
    const live = { ...run, startedAt: new Date(start) };
    const packed = new PackedRun(live);
    live.outcome = 'failed';
    live.startedAt.setTime(start + 1);
    expect(packed.unpack('report')).toMatchObject({ outcome: 'running', startedAt: new Date(start) });
  });
});
