import { describe, expect, it } from '@jest/globals';
import { type Run } from '../../history/run.js';
import { timingOf } from '../../registry/timing.js';
import { type WorkerInfo } from '../../worker/worker-info.js';
import { type Subject } from '../subject.js';
import { didNothing, overBudget } from './by-metrics.js';
import { failing, lost, stale } from './by-status.js';
import { missed, missedSlot } from './missed.js';
import { slow } from './slow.js';

const NOW = Date.UTC(2026, 0, 2, 12);
const HOUR = 3_600_000;
const MINUTE = 60_000;

function subject({
  info = {},
  runs = [],
  budget = {},
  expect: wanted = {},
  every = '1h',
  spacing = 'slot',
}: {
  info?: Partial<WorkerInfo>;
  runs?: Run[];
  budget?: Record<string, number>;
  expect?: Record<string, { min: number }>;
  every?: Parameters<typeof timingOf>[1];
  spacing?: 'slot' | 'delay' | 'start';
}): Subject {
  return {
    info: {
      name: 'w',
      interval: HOUR,
      running: true,
      state: 'idle',
      runCount: 1,
      activeRuns: 0,
      consecutiveFailures: 0,
      skippedCount: 0,
      missedCount: 0,
      critical: false,
      conditions: [],
      ...info,
    },
    definition: { budget, expect: wanted, spacing },
    timing: timingOf('w', every, 0, spacing),
    runs,
  };
}

let made = 0;
/** @param ago milliseconds from its start until now. @param took milliseconds; null while it is active */
function run(ago: number, took: number | null, fields: Partial<Run> = {}): Run {
  const startedAt = new Date(NOW - ago);
  return {
    id: `run-${++made}`,
    worker: 'w',
    replica: 'r1',
    trigger: 'schedule',
    attempt: 1,
    scheduledAt: startedAt,
    startedAt,
    ...(took === null
      ? { outcome: 'running' }
      : { endedAt: new Date(NOW - ago + took), outcome: 'succeeded' }),
    ...fields,
  };
}

/** Newest first, by how long each took; those before took the rest. */
function taking(...times: (number | null)[]): Run[] {
  return times.map((took, i) => run((i + 1) * HOUR, took));
}

describe('failing', () => {
  it.each([
    [0, false],
    [2, false],
    [3, true],
    [40, true],
  ])('after %d failures in a row: %s', (consecutiveFailures, is) => {
    expect(failing(subject({ info: { consecutiveFailures } }), 3) !== undefined).toBe(is);
  });

  it('says how many and the last error, and names the run', () => {
    const failed = run(HOUR, 5, { outcome: 'failed' });
    const runs = [run(1, null), failed, run(2 * HOUR, 5, { outcome: 'timed_out' })];
    const finding = failing(subject({ info: { consecutiveFailures: 4, lastError: 'no disk' }, runs }), 3);
    expect(finding).toEqual({
      condition: 'failing',
      what: 'is failing: 4 runs in a row did not succeed, the last with: no disk',
      run: failed,
    });
  });
});

describe('stale', () => {
  it('is what the worker says', () => {
    expect(stale(subject({}))).toBeUndefined();
    expect(stale(subject({ info: { conditions: ['failing', 'stale'] } }))?.condition).toBe('stale');
  });
});

describe('lost', () => {
  const gone = run(HOUR, 10, { outcome: 'lost' });

  it.each<[string, Run[], boolean]>([
    ['the last run', [gone], true],
    [
      'one with failures, an abort and an active run since',
      [run(1, null), run(2, 1, { outcome: 'aborted' }), run(3, 1, { outcome: 'failed' }), gone],
      true,
    ],
    ['one, and a run has succeeded since', [run(5, 1), gone], false],
    ['none of the runs', [run(1, 1, { outcome: 'failed' })], false],
    ['no run at all', [], false],
  ])('%s was lost', (_what, runs, is) => {
    expect(lost(subject({ runs })) !== undefined).toBe(is);
  });

  it('is over when a run has succeeded of which no record is kept', () => {
    const at = (ms: number) => ({
      info: { lastSuccess: new Date(gone.startedAt.getTime() + ms) },
      runs: [gone],
    });
    expect(lost(subject(at(-1)))?.condition).toBe('lost');
    expect(lost(subject(at(1)))).toBeUndefined();
  });
});

describe('slow', () => {
  const limits = { factor: 2, floor: 1_000 };
  const of = (runs: Run[], by = limits) => slow(subject({ runs }), NOW, by);

  it.each<[string, (number | null)[], boolean]>([
    ['more than twice the others', [4_001, 2_000, 2_000, 2_000, 2_000, 2_000], true],
    ['twice the others', [4_000, 2_000, 2_000, 2_000, 2_000, 2_000], false],
    ['more than twice four others', [9_000, 2_000, 2_000, 2_000, 2_000], false],
    ['below the floor', [999, 10, 10, 10, 10, 10], false],
    ['above the floor', [1_001, 10, 10, 10, 10, 10], true],
    ['one of three in a row', [5_000, 5_000, 5_000, 2_000, 2_000, 2_000, 2_000, 2_000], true],
    ['a usual one after a slow one', [2_000, 9_000, 2_000, 2_000, 2_000, 2_000, 2_000], false],
    [
      'as all the others are by now',
      Array.from({ length: 16 }, () => 5_000).concat([2_000, 2_000, 2_000, 2_000]),
      false,
    ],
    ['one run', [9_000], false],
    ['none', [], false],
  ])('the newest takes %s', (_what, times, is) => {
    expect(of(taking(...times)) !== undefined).toBe(is);
  });

  it('is found while the run is active still', () => {
    const before = taking(0, 2_000, 2_000, 2_000, 2_000, 2_000).slice(1);
    expect(of([run(4_000, null), ...before])).toBeUndefined();
    expect(of([run(4_500, null), ...before])?.what).toMatch(
      /took 4.5 s and is active still; 2 s is the 95th/,
    );
  });

  it('one outlier among twenty is no measure, and two are', () => {
    const usual = Array.from({ length: 18 }, () => 2_000);
    expect(of(taking(5_000, 9_000, ...usual.slice(1)))).toBeDefined();
    expect(of(taking(5_000, 2_000, 9_000, ...usual.slice(1)))).toBeUndefined();
  });

  it('says since which release', () => {
    const release = (runs: Run[], name: string) => runs.map((one) => ({ ...one, release: name }));
    const runs = taking(5_000, 5_000, 2_000, 2_000, 2_000, 2_000, 2_000);
    const finding = of([...release(runs.slice(0, 2), '2.0'), ...release(runs.slice(2), '1.9')]);
    expect(finding?.what).toMatch(/as 2 runs in a row do since 2026-01-02T10:00:00.000Z of release 2.0;/);
    expect(finding?.run).toEqual({ ...runs[1], release: '2.0' });
  });

  it('leaves out runs that did not succeed', () => {
    const failures = [1, 2, 3, 4, 5].map(() => run(HOUR, 1, { outcome: 'failed' }));
    expect(of([run(1, 9_000), ...failures])).toBeUndefined();
    expect(of([run(1, 9_000, { outcome: 'timed_out' }), ...taking(1, 1, 1, 1, 1)])).toBeUndefined();
  });

  it.each([
    [3, 5_000],
    [1.5, 100],
  ])('by a factor of %d and a floor of %d ms', (factor, floor) => {
    const base = 2_000;
    const limit = Math.max(factor * base, floor);
    expect(of(taking(limit, base, base, base, base, base), { factor, floor })).toBeUndefined();
    expect(of(taking(limit + 1, base, base, base, base, base), { factor, floor })).toBeDefined();
  });
});

/** Newest first, what each reported of `rows`; undefined: nothing. */
function reporting(...values: (number | undefined)[]): Run[] {
  return values.map((rows, i) => run((i + 1) * HOUR, 10, rows === undefined ? {} : { metrics: { rows } }));
}

describe('over budget', () => {
  const of = (runs: Run[], budget: Record<string, number> = { rows: 2 }) =>
    overBudget(subject({ runs, budget }));

  it.each<[string, Run[], boolean]>([
    ['more than it may', reporting(2.1), true],
    ['as much as it may', reporting(2), false],
    ['nothing', reporting(undefined), false],
    ['less, after one that reported more', reporting(1, 9), false],
    ['more while it failed', [run(1, 1, { outcome: 'failed', metrics: { rows: 3 } })], true],
    ['more and is active', [run(1, null, { metrics: { rows: 3 } })], false],
    ['of another metric', [run(1, 1, { metrics: { cost: 3 } })], false],
  ])('reported %s', (_what, runs, is) => {
    expect(of(runs) !== undefined).toBe(is);
  });

  it('names each metric', () => {
    const runs = [run(1, 1, { metrics: { cost: 3.5, tokens: 9, ['__proto__']: 1 } })];
    expect(of(runs, { cost: 2, tokens: 8, constructor: 0 })?.what).toBe(
      'is over budget: cost is 3.5, and 2 is the most; tokens is 9, and 8 is the most',
    );
    expect(of(runs, {})).toBeUndefined();
  });
});

describe('did nothing', () => {
  const of = (runs: Run[], wanted: Record<string, { min: number }> = {}) =>
    didNothing(subject({ runs, expect: wanted }));

  it.each<[string, Run[], boolean]>([
    ['the least', reporting(1), false],
    ['less', reporting(0), true],
    ['nothing', reporting(undefined), true],
    ['the least, after less', reporting(1, 0), false],
    ['less, in a run that failed', [run(1, 1, { outcome: 'failed' }), ...reporting(1)], false],
    ['nothing yet, as it is active', [run(1, null), ...reporting(1)], false],
    ['nothing, as there was no run', [], false],
  ])('reported %s of what is expected', (_what, runs, is) => {
    expect(of(runs, { rows: { min: 1 } }) !== undefined).toBe(is);
  });

  it.each<[string, (number | undefined)[], boolean]>([
    ['0 after five above 0', [0, 3, 1, 7, 2, 5], true],
    ['0 again after five above 0', [0, 0, 0, 3, 1, 7, 2, 5], true],
    ['0 after four above 0', [0, 3, 1, 7, 2], false],
    ['0 after five of which one was 0', [0, 3, 1, 0, 2, 5, 6], false],
    ['0 after five of which one was below', [0, 3, 1, -1, 2, 5, 6], false],
    ['0 as always', [0, 0, 0, 0, 0, 0], false],
    ['above 0 after a 0', [1, 0, 3, 1, 7, 2, 5], false],
    ['nothing after five above 0', [undefined, 3, 1, 7, 2, 5], false],
  ])('without an expectation: %s', (_what, values, is) => {
    expect(of(reporting(...values)) !== undefined).toBe(is);
  });

  it('an expectation takes the place of that rule for its metric', () => {
    const runs = reporting(0, 3, 1, 7, 2, 5);
    expect(of(runs, { rows: { min: 0 } })).toBeUndefined();
    expect(of(runs, { other: { min: 0 } })?.what).toBe(
      'did nothing: it did not report other; rows is 0, after 5 runs that were all above it',
    );
  });
});

describe('missed', () => {
  const since = NOW - 10 * 24 * HOUR;
  const slots = timingOf('w', '1h', 0).schedule!;
  const latest = slots.latest(NOW);
  const of = (given: Parameters<typeof subject>[0], now = NOW, known = since) =>
    missedSlot(subject(given), { since: known }, now, MINUTE);

  it('is a slot that no run has begun for, when the grace is over', () => {
    const info = { lastRun: new Date(latest - HOUR + 5) };
    expect(of({ info }, latest + MINUTE)).toBeUndefined();
    expect(of({ info }, latest + MINUTE + 1)).toBe(latest);
    expect(missed(subject({ info }), { since }, latest + HOUR / 2, MINUTE)).toEqual({
      condition: 'missed',
      what: `has missed its run of ${new Date(latest).toISOString()}: none has begun since`,
    });
  });

  it('is the first of several', () => {
    expect(of({ info: { lastRun: new Date(latest - 3 * HOUR) } }, latest + HOUR / 2)).toBe(latest - 2 * HOUR);
  });

  it.each<[string, Parameters<typeof subject>[0]]>([
    ['it has run since', { info: { lastRun: new Date(latest) } }],
    ['the history knows of a run since', { runs: [{ ...run(0, null), startedAt: new Date(latest) }] }],
    [
      'a run was active over it',
      { runs: [{ ...run(0, 0), startedAt: new Date(latest - 2 * HOUR), endedAt: new Date(latest + 1) }] },
    ],
    ['it is active', { info: { state: 'executing' } }],
    ['it is stuck, which is something else', { info: { state: 'stuck' } }],
    ['it is paused', { info: { state: 'paused' } }],
    ['it has ended', { info: { state: 'ended' } }],
    ['it is disabled', { info: { state: 'stopped', running: false } }],
    ['it was resumed since', { info: { lastChange: { change: 'resumed', at: new Date(latest + 1) } } }],
    ['it backs off', { info: { consecutiveFailures: 2, nextRun: new Date(latest + 5 * HOUR) } }],
    ['it is event-driven', { every: 0 }],
    ['its interval is counted from the end of a run', { spacing: 'delay' }],
    ['its slots are counted from the start', { spacing: 'start' }],
    ['it was to run once, and has', { every: { at: new Date(latest) }, info: { lastRun: new Date(latest) } }],
  ])('is none when %s', (_what, given) => {
    expect(of(given, latest + HOUR / 2)).toBeUndefined();
  });

  it('counts from when the worker, or its schedule, became known', () => {
    expect(of({}, latest + HOUR / 2, latest)).toBeUndefined();
    expect(of({}, latest + HOUR / 2, latest - 1)).toBe(latest);
  });

  it('is a next run that lies in the past', () => {
    const nextRun = new Date(NOW - 2 * MINUTE);
    expect(of({ info: { nextRun, lastRun: new Date(NOW) }, spacing: 'delay' })).toBe(nextRun.getTime());
    expect(of({ info: { nextRun, state: 'executing' }, spacing: 'delay' })).toBeUndefined();
  });

  it('goes by the calendar of a cron expression', () => {
    const every = { cron: '0 3 * * *', timeZone: 'UTC' };
    const info = { lastRun: new Date(Date.UTC(2026, 0, 1, 3)) };
    expect(of({ every, info }, Date.UTC(2026, 0, 2, 3, 1))).toBeUndefined();
    expect(of({ every, info }, Date.UTC(2026, 0, 2, 3, 2))).toBe(Date.UTC(2026, 0, 2, 3));
  });
});
