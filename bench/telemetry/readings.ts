import { newId } from '../../dist/modules/ids/typed-id.js';
import { type ResourceSnapshot } from '../../dist/modules/telemetry/resource-metrics.js';
import { type Source } from '../../dist/modules/telemetry/source-keys.js';

/** Instances of a hundred tenants. */
export function makeSources(count: number): Source[] {
  const tenants = Array.from({ length: 100 }, () => newId('tenant'));
  return Array.from({ length: count }, (_, index) => ({
    tenantId: tenants[index % tenants.length]!,
    instanceId: newId('instance'),
  }));
}

/** A reading as a container gives it: eight values that change, and two that there are not. */
export function readingOf(source: Source, index: number, tick: number, at: Date): ResourceSnapshot {
  const cpuSeconds = index + tick * (1 + (index % 7) / 10);
  return {
    ...source,
    at,
    startedAt: new Date(Date.UTC(2026, 0, 1) + index * 1_000),
    cpuPercent: ((index * 31 + tick * 17) % 1_000) / 10,
    cpuSeconds: Math.round(cpuSeconds * 100) / 100,
    cpuThrottledSeconds: null,
    cpuLimitCores: 2,
    memoryWorkingSetBytes: 50e6 + ((index * 7_919 + tick * 104_729) % 100_000) * 4_096,
    memoryLimitBytes: 1_073_741_824,
    ioReadBytes: index * 4_096 + tick * 8_192,
    ioWriteBytes: index * 4_096 + tick * 16_384,
    networkReceiveBytes: tick * 12_345 + index,
    networkTransmitBytes: tick * 23_456 + index,
    oomKills: 0,
    processes: null,
  };
}
