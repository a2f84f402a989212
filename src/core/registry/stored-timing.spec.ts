import { describe, expect, it } from '@jest/globals';
import { type Worker } from '../worker/worker.js';
import { type WorkerOptions } from '../worker/worker-options.js';
import { readTiming, storeTiming, timingFor } from './stored-timing.js';
import { timingOf } from './timing.js';
import { type WorkerDefinition } from './worker-definition.js';

const NOW = Date.UTC(2026, 4, 1, 12, 34, 56);

describe('a stored schedule', () => {
  it.each<[string, Worker['interval'], WorkerOptions]>([
    ['an interval', '5m', {}],
    ['an interval with jitter', 90_000, { jitter: 0.3 }],
    ['a delay', '10s', { spacing: 'delay', jitter: '2s' }],
    ['cron', { cron: '30 2 * * *', timeZone: 'Europe/Berlin' }, {}],
    ['cron at an offset', { cron: '0 3 * * *', utcOffset: 330 }, { jitter: '1m' }],
    ['an instant', { at: new Date(NOW + 5_000) }, {}],
  ])('reads as it was written: %s', (_what, every, { jitter, spacing = 'slot' }) => {
    const stored = storeTiming(every, { jitter, spacing });
    const read = readTiming('w', stored);
    const original = timingOf('w', every, jitter, spacing);
    expect(read).toMatchObject({ interval: original.interval, cron: original.cron, spacing });
    let [a, b] = [NOW, NOW];
    for (let i = 0; i < 5; i++) {
      a = read.schedule!.next(a);
      b = original.schedule!.next(b);
      expect([a, read.schedule!.dueAt(a)]).toEqual([b, original.schedule!.dueAt(b)]);
    }
    expect(storeTiming(read.every, { jitter, spacing: read.spacing })).toBe(stored);
  });

  it('of a worker that counts from the start of its process has slots on which all replicas agree', () => {
    const read = readTiming('w', storeTiming('1m', { jitter: 0, spacing: 'start' }));
    expect(read.spacing).toBe('slot');
    expect(read.schedule!.next(NOW)).toBe(timingOf('w', '1m').schedule!.next(NOW));
  });

  it('of an event-driven worker has none', () => {
    expect(readTiming('w', storeTiming(0, { jitter: undefined, spacing: 'slot' })).schedule).toBeUndefined();
  });

  it('cannot be had of a delay from the start of a process', () => {
    expect(() => storeTiming({ after: '5s' }, { jitter: 0, spacing: 'slot' })).toThrow('scope replica');
  });

  it('is read anew for a definition when it has changed, and not before', () => {
    const definition = { name: 'w', until: Infinity } as WorkerDefinition;
    const [minute, hour] = (['1m', '1h'] as const).map((every) =>
      storeTiming(every, { jitter: undefined, spacing: 'slot' }),
    );
    const read = timingFor(definition, minute!);
    expect(timingFor(definition, minute!)).toBe(read);
    expect(timingFor(definition, hour!).interval).toBe(3_600_000);
    expect(timingFor({ ...definition, name: 'v' }, minute!)).not.toBe(read);
  });
});
