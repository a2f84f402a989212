import { Inject, Injectable, type LoggerService, type OnModuleDestroy, Optional } from '@nestjs/common';
import { Interval } from '../../../core/worker/interval.decorator.js';
import { RunContext, ShardContext } from '../../../core/worker/run-context.js';
import { Shard } from '../../../core/worker/shard.decorator.js';
import { atMost } from '../../../core/timing/at-most.js';
import { SystemClock } from '../../../core/timing/clock.js';
import { parseDuration } from '../../../core/timing/duration.js';
import { systemClaims, withClaims } from '../../auth/claims.js';
import { forEachIsolated } from '../../concurrency/for-each-isolated.js';
import { EventBus } from '../../events/event-bus.js';
import { type TenantId } from '../../ids/typed-id.js';
import { type InstanceStats } from '../../providers/provider.js';
import { ProviderRegistry, type RegisteredProvider } from '../../providers/provider.registry.js';
import { MetricCollectorRegistry } from '../../telemetry/metric-collector.registry.js';
import { type CollectedSample } from '../../telemetry/metric-collector.js';
import { OWN_TENANT } from '../../tenants/own-tenant.js';
import { type ResourceSnapshot } from '../../telemetry/resource-metrics.js';
import { TelemetryService } from '../../telemetry/telemetry.service.js';
import { TelemetryStore } from '../../telemetry/telemetry.store.js';
import { CpuPercents } from './cpu-percents.js';
import { answerWithin } from './answer-within.js';
import { type ReadingFailure, ResourceCollection } from './resource-collection.js';
import { type EndpointBatch, EndpointScraping, STORE_WITHIN_MS } from './endpoint-scraping.js';
import { ScrapeTargets } from './scrape-targets.js';
import { SourceReports } from './source-reports.js';
import { spread } from './spread.js';
import {
  TELEMETRY_COLLECTOR_OPTIONS,
  type TelemetryCollectorOptions,
  type TelemetryCollectorSettings,
  telemetryCollectorSettings,
} from './telemetry-collector.options.js';

/** Something that is asked at a tick. */
interface AskedSource {
  readonly kind: 'provider' | 'collector';
  readonly name: string;
  /** Milliseconds; absent where it keeps to limits of its own. */
  readonly timeout?: number;
  /** @returns how many readings or samples it gave */
  readonly ask: (signal: AbortSignal) => Promise<number>;
}

/** On each replica. What a batch does most of the time is to wait for the place of its next endpoint in the interval. */
const BATCHES_AT_ONCE = 50;

/** A reading that is older is nothing to compare with. */
const COMPARABLE_MS = 120_000;

/**
 * Reads what instances use, from every provider at once, and asks the application's own collectors. A source that
 * fails or takes too long affects no other: its instances have a gap then, as their use is not known. It is told by
 * `telemetry.provider_failed` or `telemetry.collector_failed` when it begins, and once an hour while it goes on.
 */
@Injectable()
export class TelemetryCollectorWorker implements OnModuleDestroy {
  readonly settings: TelemetryCollectorSettings;
  /** Aborts when the application is about to end: the sources that were not asked yet are skipped. */
  private readonly ending = new AbortController();
  private readonly cpu = new CpuPercents();
  private readonly resources: ResourceCollection;
  private readonly reports: SourceReports;
  private readonly endpoints?: EndpointScraping;

  constructor(
    @Inject(TELEMETRY_COLLECTOR_OPTIONS) options: TelemetryCollectorOptions,
    private readonly telemetry: TelemetryService,
    private readonly store: TelemetryStore,
    private readonly collectors: MetricCollectorRegistry,
    @Optional() private readonly providers?: ProviderRegistry,
    @Optional() targets?: ScrapeTargets,
    @Optional() events?: EventBus,
  ) {
    this.settings = telemetryCollectorSettings(options);
    this.resources = new ResourceCollection(this.settings);
    this.reports = new SourceReports(events);
    const { settings, reports } = this;
    if (targets && settings.scrape.enabled)
      this.endpoints = new EndpointScraping({
        ...{ settings, targets, telemetry, store, reports },
        hurry: this.ending.signal,
      });
  }

  /** One tick: a reading of everything. */
  @Interval<TelemetryCollectorWorker>('telemetry_collector', (collector) => collector.settings.interval, {
    timeout: '5m',
  })
  async run(context: RunContext): Promise<void> {
    await withClaims(systemClaims('worker'), () => this.collect(context));
  }

  onModuleDestroy(): void {
    this.ending.abort();
  }

  /** What each source has given since this process started. */
  counts(): ReturnType<SourceReports['counts']> {
    return this.reports.counts();
  }

  /** A part of the endpoints of a tick, on any replica: where the application has an engine for shards. */
  @Shard({ name: 'telemetry_collector.endpoints', concurrency: BATCHES_AT_ONCE })
  async scrapeBatch(batch: EndpointBatch, context: ShardContext): Promise<void> {
    await withClaims(systemClaims('worker'), async () => this.endpoints?.batch(batch, context));
  }

  private async collect(context: RunContext): Promise<void> {
    const { signal, progress, logger } = context;
    const unread: ReadingFailure[] = [];
    const sources = this.sources(unread, logger);
    let points = 0;
    const scraped = this.endpoints?.all(context, this.scrapeBatch) ?? Promise.resolve(0);
    // It is awaited below, and may have failed before.
    scraped.catch(() => {});
    const { failures } = await forEachIsolated(
      this.spread(sources, signal),
      { concurrency: this.settings.concurrency, signal, key: ({ kind, name }) => `${kind} ${name}` },
      async (source, ownSignal) => {
        const given = await inTime(source, ownSignal);
        points += given;
        await this.reports.succeeded(source.kind, source.name, given);
      },
    );
    for (const { item, error } of failures) await this.reports.failed(item.kind, item.name, error, logger);
    points += await scraped;
    this.cpu.forget(Date.now());
    const failed =
      (unread.length ? `, ${unread.length} instances were not read` : '') +
      (failures.length ? `, ${failures.length} of ${sources.length} sources failed` : '');
    const told = `${points} readings of ${sources.length - failures.length} sources`;
    progress(0, points, `${told}${failed}; not yet stored`);
    await atMost(STORE_WITHIN_MS, this.store.flush(), new SystemClock());
    const { resources, samples } = this.store.counts();
    const waiting = resources.buffered + samples.buffered;
    progress(points, points, `${told}${failed}${waiting ? `; ${waiting} wait to be stored` : ''}`);
    if (sources.length > 0 && failures.length === sources.length)
      throw new Error(`Not one of ${sources.length} sources could be read: ${String(failures[0]!.error)}`);
  }

  /** @param unread takes the instances that could not be read, of providers that read others */
  private sources(unread: ReadingFailure[], logger: LoggerService): AskedSource[] {
    const { timeout } = this.settings;
    const providers = (this.providers?.list() ?? []).map((registered): AskedSource => ({
      kind: 'provider',
      name: registered.name,
      ask: (signal) => this.readProvider(registered, signal, unread, logger),
    }));
    const collectors = this.collectors.list().map(({ name, collector, timeout: own }): AskedSource => ({
      kind: 'collector',
      name,
      timeout: own === undefined ? timeout : parseDuration(own),
      ask: async (signal) => this.push(await collector.collect(signal)),
    }));
    return [...providers, ...collectors];
  }

  private async readProvider(
    registered: RegisteredProvider,
    signal: AbortSignal,
    unread: ReadingFailure[],
    logger: LoggerService,
  ): Promise<number> {
    const { name } = registered;
    const { stats, failures } = await this.resources.read(registered, signal);
    unread.push(...failures);
    await this.rememberStored(name, stats);
    const snapshots = stats.map((one) => toSnapshot(one, this.cpu.next(name, one)));
    this.telemetry.recordResources(snapshots);
    await this.reports.instancesFailed(name, failures, logger);
    return snapshots.length;
  }

  /** Another replica may have read them until now: the CPU since then is in the store. */
  private async rememberStored(name: string, stats: readonly InstanceStats[]): Promise<void> {
    if (stats.every(({ instanceId }) => this.cpu.has(name, instanceId))) return;
    const unknown = new Set(
      stats.map(({ instanceId }) => instanceId).filter((id) => !this.cpu.has(name, id)),
    );
    const owners = new Map<TenantId, InstanceStats['instanceId'][]>();
    for (const { tenantId, instanceId } of stats)
      if (unknown.has(instanceId)) owners.set(tenantId, [...(owners.get(tenantId) ?? []), instanceId]);
    try {
      const since = new Date(Date.now() - COMPARABLE_MS);
      for (const [tenantId, instanceIds] of owners)
        for (const stored of await this.store.latestResources(tenantId, {
          since,
          instanceIds,
          limit: instanceIds.length,
        }))
          this.cpu.remember(name, stored.instanceId, {
            at: +stored.at,
            startedAt: stored.startedAt && +stored.startedAt,
            cpuSeconds: stored.cpuSeconds,
          });
    } catch {
      // The database is away: the first percentages of this replica are missing, and nothing else.
    }
  }

  private spread<T>(items: readonly T[], signal: AbortSignal): AsyncGenerator<T> {
    return spread(items, this.settings.spread, { signal, hurry: this.ending.signal });
  }

  private async push(given: Iterable<CollectedSample>): Promise<number> {
    const tenants = new Map<TenantId, CollectedSample[]>();
    for (const sample of given) {
      const tenantId = sample.tenantId ?? OWN_TENANT;
      const own = tenants.get(tenantId);
      if (own) own.push(sample);
      else tenants.set(tenantId, [sample]);
    }
    let accepted = 0;
    for (const [tenantId, samples] of tenants)
      accepted += (await this.telemetry.pushMetrics(tenantId, samples)).accepted;
    return accepted;
  }
}

/** Those that hang and do not listen are given up all the same. */
function inTime({ name, timeout, ask }: AskedSource, signal: AbortSignal): Promise<number> {
  return timeout === undefined ? ask(signal) : answerWithin(timeout, name, ask, signal);
}

function toSnapshot(
  { readAt, labels: _, ...stats }: InstanceStats,
  cpuPercent: number | null,
): ResourceSnapshot {
  return { ...stats, at: readAt, cpuPercent };
}
