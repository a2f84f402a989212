import pLimit from 'p-limit';
import { forEachIsolated } from '../../concurrency/for-each-isolated.js';
import { type InstanceId } from '../../ids/typed-id.js';
import { CapabilityNotSupportedError } from '../../providers/provider.errors.js';
import {
  type InstanceStats,
  type Provider,
  type ProviderInstance,
  type StatsReader,
} from '../../providers/provider.js';
import { type RegisteredProvider } from '../../providers/provider.registry.js';
import { type Clock, SystemClock } from '../../../core/timing/clock.js';
import { orAborted } from '../../providers/waiting.js';
import { answerWithin } from './answer-within.js';
import { ReadingOrder } from './reading-order.js';

/** How providers are asked, in milliseconds. */
export interface ResourceLimits {
  /** Instances read at a time by calls of their own. */
  concurrency: number;
  /** For a call. */
  timeout: number;
  interval: number;
  /** The part of the interval in which the sources are asked: what is left of it is for those that read one by one. */
  spread: number;
}

/** Milliseconds: what was begun so shortly before the end had no turn. With less than twice as much for all, half of that. */
const SHORT_TURN = 1_000;

/** Readings of a provider, and of which instances there are none. */
export interface Readings {
  stats: InstanceStats[];
  failures: ReadingFailure[];
}

export interface ReadingFailure {
  instanceId: InstanceId;
  error: unknown;
}

/**
 * Reads all that runs at a provider: by one call, or one by one where the provider has none for all. Then the time is that of all
 * together, so that a store with many instances does not delay the next tick; what was read in it is kept.
 */
export class ResourceCollection {
  private readonly orders = new Map<string, ReadingOrder>();

  constructor(
    private readonly limits: ResourceLimits,
    private readonly clock: Clock = new SystemClock(),
  ) {}

  /** @throws what the provider rejected with, when not one instance could be read */
  async read({ name, provider }: RegisteredProvider, signal: AbortSignal): Promise<Readings> {
    const ask = <T>(call: (own: AbortSignal) => Promise<T>) =>
      answerWithin(this.limits.timeout, name, call, signal, this.clock);
    const all = this.timeOfAll;
    const over = new AbortController();
    const timer = this.clock.setTimer(
      () => over.abort(new Error(`not read within ${all} ms, which all instances of ${name} have together`)),
      all,
    );
    try {
      if (provider.statsReaders)
        return await this.oneByOne(
          name,
          await ask((own) => provider.statsReaders!(own)),
          over.signal,
          signal,
        );
      try {
        return { stats: await ask((own) => provider.stats(own)), failures: [] };
      } catch (error) {
        if (!(error instanceof CapabilityNotSupportedError)) throw error;
      }
      const listed = await ask((own) => provider.list(own));
      return await this.oneByOne(name, resourceReaders(provider, listed), over.signal, signal);
    } finally {
      timer.cancel();
    }
  }

  /** Milliseconds for the list and all readings of a provider. */
  private get timeOfAll(): number {
    const { timeout, interval, spread } = this.limits;
    return Math.max(timeout, interval - spread);
  }

  private async oneByOne(
    name: string,
    readers: readonly StatsReader[],
    over: AbortSignal,
    signal: AbortSignal,
  ): Promise<Readings> {
    const { concurrency, timeout } = this.limits;
    const order = this.orders.get(name) ?? new ReadingOrder();
    this.orders.set(name, order);
    const turns = pLimit(concurrency);
    const shortTurn = Math.min(SHORT_TURN, this.timeOfAll / 2);
    const left = new Set<InstanceId>();
    const stats: InstanceStats[] = [];
    const readAlone = ({ instanceId, read }: StatsReader, end: AbortSignal) =>
      turns(async () => {
        end.throwIfAborted();
        const begun = this.clock.monotonic();
        try {
          const call = (own: AbortSignal) => orAborted(read(own), own);
          return await answerWithin(timeout, instanceId, call, end, this.clock);
        } finally {
          if (!end.aborted || this.clock.monotonic() - begun >= shortTurn) left.delete(instanceId);
        }
      });
    const { failures } = await forEachIsolated(
      order.of(readers),
      // All at once: what a call for many gives takes no turn, and waits for none that hangs.
      { concurrency: readers.length || 1, signal, key: ({ instanceId }) => instanceId },
      async (reader, own) => {
        const end = AbortSignal.any([own, over]);
        left.add(reader.instanceId);
        const together = reader.readTogether && (await orAborted(reader.readTogether(end), end));
        const found = together ?? (await readAlone(reader, end));
        left.delete(reader.instanceId);
        if (found) stats.push(found);
      },
    );
    const failed = failures.map(({ item, error }) => ({ instanceId: item.instanceId, error }));
    order.learn(left, failed);
    if (stats.length === 0 && failed.length > 0) throw failed[0]!.error;
    return { stats, failures: failed };
  }
}

/** Of a provider that has no `stats`: memory is all that `resources` tells without a rate. */
function resourceReaders(provider: Provider, listed: readonly ProviderInstance[]): StatsReader[] {
  const running = listed.filter(({ state }) => state === 'running');
  return running.map(({ instanceId, tenantId, labels, startedAt }) => ({
    instanceId,
    read: async (signal) => {
      const { memoryBytes, readAt } = await provider.resources(instanceId, signal);
      if (tenantId === undefined) throw new Error('the provider does not say whose it is');
      return {
        ...NOTHING,
        instanceId,
        tenantId,
        labels,
        readAt,
        startedAt: startedAt ?? null,
        memoryWorkingSetBytes: memoryBytes,
      };
    },
  }));
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
