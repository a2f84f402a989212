import { describe, expect, it } from '@jest/globals';
import { newId } from '../../ids/typed-id.js';
import { type InstanceStats } from '../provider.js';
import { MAIN } from './service-spec.js';
import { sumByInstance } from './service-stats.js';

const instanceId = newId('instance');
const tenantId = newId('tenant');
const early = new Date('2026-01-01T00:00:00Z');
const late = new Date('2026-01-01T00:05:00Z');

const stats = (given: Partial<InstanceStats>): InstanceStats => ({
  instanceId, tenantId, labels: { team: 'a' }, readAt: late, startedAt: early,
  cpuSeconds: 1, cpuThrottledSeconds: 1, cpuLimitCores: 1, memoryWorkingSetBytes: 1, memoryLimitBytes: 1,
  ioReadBytes: 1, ioWriteBytes: 1, networkReceiveBytes: 1, networkTransmitBytes: 1, oomKills: 1,
  processes: 1, ...given,
}); // prettier-ignore

describe('sumByInstance', () => {
  it('adds the services of each instance, and keeps each beside the sum', () => {
    const other = stats({ instanceId: newId('instance') });
    const [sum, alone, ...more] = sumByInstance([
      { service: MAIN, stats: stats({ cpuSeconds: 2 }) },
      { service: MAIN, stats: other },
      { service: 'cache', stats: stats({ cpuSeconds: 3 }) },
    ]);
    expect(sum).toMatchObject({ instanceId, tenantId, labels: { team: 'a' }, cpuSeconds: 5, processes: 2 });
    expect(sum?.services).toMatchObject([
      { service: MAIN, cpuSeconds: 2, processes: 1 },
      { service: 'cache', cpuSeconds: 3, processes: 1 },
    ]);
    expect(alone).toBe(other);
    expect(more).toEqual([]);
  });

  it('knows no sum of what one service does not tell, and begins with the service that started last', () => {
    const [sum] = sumByInstance([
      { service: MAIN, stats: stats({ startedAt: late }) },
      { service: 'cache', stats: stats({ memoryLimitBytes: null }) },
    ]);
    expect(sum).toMatchObject({ memoryLimitBytes: null, oomKills: 2, startedAt: late });
    const [unknown] = sumByInstance([
      { service: MAIN, stats: stats({}) },
      { service: 'cache', stats: stats({ startedAt: null }) },
    ]);
    expect(unknown?.startedAt).toBeNull();
  });

  it('lists a sidecar that runs without the main program', () => {
    const [sum] = sumByInstance([{ service: 'cache', stats: stats({}) }]);
    expect(sum?.services).toMatchObject([{ service: 'cache' }]);
  });
});
