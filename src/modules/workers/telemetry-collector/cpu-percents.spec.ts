import { describe, expect, it } from '@jest/globals';
import { newId } from '../../ids/typed-id.js';
import { type InstanceStats } from '../../providers/provider.js';
import { CpuPercents } from './cpu-percents.js';

describe('CpuPercents', () => {
  const instanceId = newId('instance');
  const origin = Date.UTC(2026, 0, 1);
  const reading = (
    seconds: number,
    cpuSeconds: number | null,
    startedAt: number | null = -600,
  ): InstanceStats =>
    ({
      instanceId,
      readAt: new Date(origin + seconds * 1_000),
      startedAt: startedAt === null ? null : new Date(origin + startedAt * 1_000),
      cpuSeconds,
    }) as InstanceStats;
  const all = (...readings: InstanceStats[]): (number | null)[] => {
    const cpu = new CpuPercents();
    return readings.map((one) => cpu.next('store', one));
  };

  it.each<[string, InstanceStats[], (number | null)[]]>([
    [
      'over the time between the readings',
      [reading(0, 100), reading(10, 105), reading(13, 111)],
      [null, 50, 200],
    ],
    ['across a gap', [reading(0, 100), reading(100, 110)], [null, 10]],
    [
      'not where the counter is not available',
      [reading(0, 1), reading(10, null), reading(20, 2)],
      [null, null, null],
    ],
    ['since its start when it restarted', [reading(0, 100), reading(10, 2, 6)], [null, 50]],
    ['since a start of lately at first', [reading(10, 5, 0)], [50]],
    [
      'not when the clock was set back',
      [reading(100, 10), reading(40, 11), reading(50, 16)],
      [null, null, 50],
    ],
    ['not when the counter shrinks', [reading(0, 10), reading(10, 9)], [null, null]],
    ['also when the start time moves with the clock', [reading(0, 10), reading(10, 15, -599)], [null, 50]],
    ['without a start time as well', [reading(0, 10, null), reading(10, 15, null)], [null, 50]],
  ])('is told %s', (_, readings, expected) => expect(all(...readings)).toEqual(expected));

  it('goes on from what another replica has read', () => {
    const cpu = new CpuPercents();
    cpu.remember('store', instanceId, { at: origin, startedAt: origin - 600_000, cpuSeconds: 100 });
    expect(cpu.next('store', reading(10, 105))).toBe(50);
    expect(cpu.next('another', reading(10, 105))).toBeNull();
  });

  it('forgets what has not been read for ten minutes', () => {
    const cpu = new CpuPercents();
    cpu.next('store', reading(0, 1));
    cpu.forget(origin + 599_000);
    expect(cpu.has('store', instanceId)).toBe(true);
    cpu.forget(origin + 601_000);
    expect(cpu.has('store', instanceId)).toBe(false);
  });
});
