import { forEachIsolated } from '../../concurrency/for-each-isolated.js';
import { type InstanceStats } from '../../providers/provider.js';
import { CapabilityNotSupportedError } from '../../providers/provider.errors.js';
import { type RegisteredProvider } from '../../providers/provider.registry.js';
import { answerWithin } from './answer-within.js';

/** How a provider that cannot tell of all at once is asked. */
export interface OneByOne {
  concurrency: number;
  /** Milliseconds for each, and for what is asked of all at once. */
  timeout: number;
  /** Milliseconds between two ticks. Instances that have not had their turn by then are left to the next. */
  interval: number;
}

/** Readings of a provider, and of which instances there are none. */
export interface Readings {
  stats: InstanceStats[];
  failures: { instanceId: string; error: unknown }[];
}

/**
 * All that runs at the provider: one call, or one for each instance where it has no `stats`. Of these each has its own time: what
 * was read of the others is kept when some hang.
 */
export async function readInstances(
  { name, provider }: RegisteredProvider,
  { concurrency, timeout, interval }: OneByOne,
  signal: AbortSignal,
): Promise<Readings> {
  try {
    return {
      stats: await answerWithin(timeout, name, (own) => provider.stats(own), signal),
      failures: [],
    };
  } catch (error) {
    if (!(error instanceof CapabilityNotSupportedError)) throw error;
  }
  const listed = await answerWithin(timeout, name, (own) => provider.list(own), signal);
  const running = listed.filter(({ state }) => state === 'running');
  const end = performance.now() + Math.max(interval, timeout);
  const stats: InstanceStats[] = [];
  const { failures } = await forEachIsolated(
    running,
    { concurrency, timeout, signal, key: ({ instanceId }) => instanceId },
    async ({ instanceId, tenantId, labels, startedAt }, itemSignal) => {
      if (performance.now() > end) throw new Error('the instances before it took all of the interval');
      const { memoryBytes, readAt } = await provider.resources(instanceId, itemSignal);
      // Given up meanwhile, and told so.
      if (itemSignal.aborted) return;
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
