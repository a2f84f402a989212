import { type InstanceId } from '../../ids/typed-id.js';
import { type InstanceStats, type ServiceStats } from '../provider.js';
import { MAIN } from './service-spec.js';

/** Readings of one service of an instance, in the form of those of an instance. */
export interface ServiceReadings {
  service: string;
  stats: InstanceStats;
}

/**
 * For each instance the sum over its services; with `services` when there is more than the main program. A counter that one
 * of them does not have is null in the sum. `startedAt` is that of the service that started last: when it changes, the sum
 * may have become smaller, and a rate must not be taken over it.
 */
export function sumByInstance(all: readonly ServiceReadings[]): InstanceStats[] {
  const byInstance = new Map<InstanceId, ServiceReadings[]>();
  for (const one of all) {
    const before = byInstance.get(one.stats.instanceId);
    if (before) before.push(one);
    else byInstance.set(one.stats.instanceId, [one]);
  }
  return [...byInstance.values()].map((services) => {
    const [first] = services;
    if (services.length === 1 && first!.service === MAIN) return first!.stats;
    return { ...first!.stats, ...sumOf(services), services: services.map(toService) };
  });
}

const COUNTERS = [
  'cpuSeconds',
  'cpuThrottledSeconds',
  'cpuLimitCores',
  'memoryWorkingSetBytes',
  'memoryLimitBytes',
  'ioReadBytes',
  'ioWriteBytes',
  'networkReceiveBytes',
  'networkTransmitBytes',
  'oomKills',
  'processes',
] as const;

function sumOf(services: readonly ServiceReadings[]): Partial<InstanceStats> {
  const sums = COUNTERS.map((key) => {
    const values = services.map(({ stats }) => stats[key]);
    return [
      key,
      values.includes(null) ? null : values.reduce<number>((sum, value) => sum + value!, 0),
    ] as const;
  });
  const starts = services.map(({ stats }) => stats.startedAt);
  const startedAt = starts.includes(null) ? null : new Date(Math.max(...starts.map(Number)));
  return { ...Object.fromEntries(sums), startedAt };
}

function toService({ service, stats }: ServiceReadings): ServiceStats {
  const counters = Object.fromEntries(COUNTERS.map((key) => [key, stats[key]])) as Pick<
    InstanceStats,
    (typeof COUNTERS)[number]
  >;
  return { service, readAt: stats.readAt, startedAt: stats.startedAt, ...counters };
}
