import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type WorkerRecord } from '../../coordination/worker-record.js';
import { noRunYet } from '../../coordination/status-changes.js';
import { storeTiming } from '../../registry/stored-timing.js';
import { defineWorker, type WorkerDefinition } from '../../registry/worker-definition.js';
import { type Worker } from '../../worker/worker.js';
import { ClusterView } from './cluster-view.js';
import { KeptInfos } from './kept-infos.js';
import { infoKeepsUntil, recordInfo } from './record-info.js';

const START = Date.UTC(2026, 9, 24, 22);
const HOUR = 3_600_000;
const around = (now: number) => ({ now, running: true, executions: [], fresh: true });

const checked = (options: Partial<Worker>) =>
  defineWorker({ name: 'w', interval: '10s', run: () => {}, ...options }, 'a test');
const definitionOf = (options: Partial<Worker>): WorkerDefinition =>
  (checked(options) as { definition: WorkerDefinition }).definition;

function recordOf(definition: WorkerDefinition, fields: Partial<WorkerRecord> = {}): WorkerRecord {
  const timing = storeTiming(definition.every, definition);
  return {
    name: 'w',
    slot: -Infinity,
    done: false,
    owed: undefined,
    fencing: 1,
    runId: undefined,
    attempt: 1,
    requestId: undefined,
    holder: undefined,
    leaseUntil: undefined,
    cancelRequested: false,
    notBefore: undefined,
    paused: false,
    revision: 1,
    timing,
    definition: timing,
    definitionAt: START,
    begun: 0,
    lastChange: undefined,
    status: noRunYet(),
    ...fields,
  };
}

const viewOf = (definition: WorkerDefinition, record: WorkerRecord): ClusterView =>
  new ClusterView(definition, record, record.definitionAt);

describe('the info of a worker to which nothing happens', () => {
  let infos: KeptInfos;
  const minutely = definitionOf({ interval: '1m' });

  beforeEach(() => {
    infos = new KeptInfos();
  });

  it('is the same object until its next run is due', () => {
    const view = viewOf(minutely, recordOf(minutely));
    const info = infos.of(minutely, view, around(START + 1));
    const due = info.nextRun!.getTime();
    expect(infos.of(minutely, view, around(due - 1))).toBe(info);
    expect(infos.of(minutely, view, around(due)).nextRun!.getTime()).toBe(due + 60_000);
  });

  it('is made anew when the record changes, when its loop stops, and when the clock is set back', () => {
    const view = viewOf(minutely, recordOf(minutely));
    const info = infos.of(minutely, view, around(START + 2));
    const paused = infos.of(
      minutely,
      viewOf(minutely, recordOf(minutely, { paused: true })),
      around(START + 3),
    );
    expect(paused.state).toBe('paused');
    const again = infos.of(minutely, view, around(START + 4));
    expect(infos.of(minutely, view, { ...around(START + 5), running: false }).state).toBe('stopped');
    expect(again).toEqual(info);
    expect(infos.of(minutely, view, around(START - 2 * HOUR)).nextRun!.getTime()).toBeLessThan(START);
  });

  it('is made anew each time while a lease is held, until that has run out', () => {
    const definition = definitionOf({ interval: '1m', timeout: '10s' });
    const record = recordOf(definition, {
      holder: 'another',
      leaseUntil: START + 30_000,
      slot: START,
      status: { ...noRunYet(), lastRun: START },
    });
    const view = viewOf(definition, record);
    const states = [1, 10_000, 30_000].map((ms) => infos.of(definition, view, around(START + ms)).state);
    expect(states).toEqual(['executing', 'stuck', 'idle']);
  });

  it.each<[string, Worker['interval'], number]>([
    ['an interval', '1m', 180_001],
    ['a cron expression', { cron: '* * * * *' }, 240_000],
  ])('of %s is made anew when it gets stale before its next run is due', (_, interval, stale) => {
    const definition = definitionOf({ interval, timeout: '1s' });
    const view = viewOf(definition, recordOf(definition, { notBefore: START + HOUR }));
    const conditions = [1, stale + 999, stale + 1_000].map(
      (ms) => infos.of(definition, view, around(START + ms)).conditions,
    );
    expect(conditions).toEqual([[], [], ['stale']]);
  });

  it('is made anew each time while a run waits for a backoff', () => {
    const view = viewOf(minutely, recordOf(minutely));
    const calm = infos.of(minutely, view, around(START + 1));
    view.requests.add({
      id: 'asked',
      worker: 'w',
      trigger: 'manual',
      payload: undefined,
      attempts: 1,
      requestedAt: START,
      notBefore: START + 20_000,
    });
    const waiting = infos.of(minutely, view, around(START + 2));
    expect(waiting.nextRun).toEqual(new Date(START + 20_000));
    expect(waiting).not.toEqual(calm);
  });

  const options: fc.Arbitrary<Partial<Worker>> = fc
    .record(
      {
        interval: fc.constantFrom<NonNullable<Worker['interval']>>(
          0,
          '10s',
          '7m',
          { cron: '*/20 * * * * *' },
          { cron: '30 1,2 * * *', timeZone: 'Europe/Berlin' },
          { cron: '0 12 * * 1-5', timeZone: 'America/New_York' },
          { at: new Date(START + HOUR) },
        ),
        timeout: fc.constantFrom('1s', '5m', '3h'),
        until: fc.constantFrom(new Date(START + 30_000), new Date(START + 3 * HOUR)),
        limit: fc.constantFrom(1, 3),
      },
      { requiredKeys: ['interval'] },
    )
    // A limit of an event-driven worker, say, is refused.
    .filter((given) => 'definition' in checked(given));
  const instant = fc.integer({ min: -2 * HOUR, max: 60 * HOUR }).map((ms) => START + ms);
  const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
  const fields = fc.record({
    slot: fc.oneof(fc.constant(-Infinity), instant),
    done: fc.boolean(),
    owed: maybe(fc.constantFrom(1, 2)),
    notBefore: maybe(instant),
    leaseUntil: maybe(instant),
    paused: fc.boolean(),
    begun: fc.constantFrom(0, 1, 3),
    lastEnd: maybe(instant),
    lastRun: maybe(instant),
    consecutiveFailures: fc.constantFrom(0, 3),
  });

  it('is always what it would be if it were made anew', () => {
    fc.assert(
      fc.property(
        options,
        fields,
        fc.array(fc.oneof(instant, fc.constantFrom('same', 'before', 'at', 'after')), { maxLength: 12 }),
        fc.boolean(),
        (given, { lastEnd, lastRun, consecutiveFailures, ...record }, steps, running) => {
          const definition = definitionOf(given);
          const status = { ...noRunYet(), lastEnd, lastRun, consecutiveFailures };
          const stored = recordOf(definition, { ...record, status });
          const view = viewOf(definition, stored);
          const kept = new KeptInfos();
          let now = START;
          for (const step of steps) {
            const look = { ...around(now), running };
            const until = infoKeepsUntil(definition, view, recordInfo(definition, view, look), look);
            const by = { same: 0, before: -1, at: 0, after: 1 } as const;
            if (typeof step === 'number') now = step;
            else if (step !== 'same' && until < Infinity) now = until + by[step];
            const next = { ...around(now), running };
            expect(kept.of(definition, view, next)).toEqual(
              recordInfo(definition, viewOf(definition, stored), next),
            );
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
