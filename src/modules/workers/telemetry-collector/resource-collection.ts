import { forEachIsolated } from '../../concurrency/for-each-isolated.js';
import { type Provider, type InstanceStats } from '../../providers/provider.js';
import { CapabilityNotSupportedError } from '../../providers/provider.errors.js';

/** How a provider that cannot tell of all at once is asked. */
export interface OneByOne {
  concurrency: number;
  /** Milliseconds for each. */
  timeout: number;
}

/** Readings of a provider, and of which instances there are none. */
export interface Readings {
  stats: InstanceStats[];
  failures: { instanceId: string; error: unknown }[];
}

/** All that runs at the provider: one call, or one for each instance where it has no `stats`. */
export async function readInstances(
  provider: Provider,
  { concurrency, timeout }: OneByOne,
  signal: AbortSignal,
): Promise<Readings> {
  try {
    return { stats: await provider.stats(signal), failures: [] };
  } catch (error) {
    if (!(error instanceof CapabilityNotSupportedError)) throw error;
  }
  const running = (await provider.list(signal)).filter(({ state }) => state === 'running');
  const stats: InstanceStats[] = [];
  const { failures } = await forEachIsolated(
    running,
    { concurrency, timeout, signal, key: ({ instanceId }) => instanceId },
    async ({ instanceId, tenantId, labels, startedAt }, itemSignal) => {
      const { memoryBytes, readAt } = await provider.resources(instanceId, itemSignal);
      if (tenantId === undefined) throw new Error('the provider does not say whose it is');
      stats.push({
        ...NOTHING,
        instanceId,
        tenantId,
        labels,
        readAt,
        startedAt: startedAt ?? null,
        memoryWorkingSetBytes: memoryBytes,
      });
    },
  );
  return { stats, failures: failures.map(({ key, error }) => ({ instanceId: key, error })) };
}

const NOTHING = {
  cpuSeconds: null,
  cpuThrottledSeconds: null,
  cpuLimitCores: null,
  memoryLimitBytes: null,
  ioReadBytes: null,
  ioWriteBytes: null,
  networkReceiveBytes: null,
  networkTransmitBytes: null,
  oomKills: null,
  processes: null,
} as const;
