import pLimit, { type LimitFunction } from 'p-limit';
import { atMost } from '../../../core/timing/at-most.js';
import { SystemClock } from '../../../core/timing/clock.js';
import { startTicking, type Timer } from '../../../core/timing/timer.js';
import { messageOf } from '../../../core/text/describe-error.js';
import { type RunContext, type ShardContext, type ShardMethod } from '../../../core/worker/run-context.js';
import { type Counts, handOut, report } from '../../concurrency/hand-out.js';
import { forEachIsolated, type IsolatedSummary } from '../../concurrency/for-each-isolated.js';
import { type InstanceId } from '../../ids/typed-id.js';
import { type TelemetryService } from '../../telemetry/telemetry.service.js';
import { type TelemetryStore } from '../../telemetry/telemetry.store.js';
import { answerWithin } from './answer-within.js';
import { scrape } from './scrape.js';
import { type ScrapeTarget, type ScrapeTargets } from './scrape-targets.js';
import { type SourceReports } from './source-reports.js';
import { spread } from './spread.js';
import { type TelemetryCollectorSettings } from './telemetry-collector.options.js';

/** Endpoints that are handed out at a time: a replica asks as many within some tens of milliseconds. */
const ENDPOINTS_PER_BATCH = 200;

/** How long what was read may take to be stored. Then that goes on in the background. */
export const STORE_WITHIN_MS = 5_000;

const LOOK_EVERY = 500;

/** Every n-th of a tick's endpoints, as any replica gets them. */
export interface EndpointBatch {
  readonly instances: readonly InstanceId[];
  /** Place of the first among all, and how many batches there are. */
  readonly first: number;
  readonly batches: number;
}

export interface EndpointScrapingParts {
  readonly settings: TelemetryCollectorSettings;
  readonly targets: ScrapeTargets;
  readonly telemetry: TelemetryService;
  readonly store: TelemetryStore;
  readonly reports: SourceReports;
  /** Once it has aborted, what is left is asked at once. */
  readonly hurry: AbortSignal;
}

/**
 * Asks instances that name an endpoint. One that fails costs itself; its gap and the counts say so, and no event: it is the
 * tenant's.
 */
export class EndpointScraping {
  /** All batches of this replica share it. */
  private readonly slots: LimitFunction;

  constructor(private readonly parts: EndpointScrapingParts) {
    this.slots = pLimit(parts.settings.scrape.concurrency);
  }

  /**
   * @param shard asks a batch, on whichever replica
   * @returns how many samples they gave
   */
  async all(context: RunContext, shard: ShardMethod<EndpointBatch>): Promise<number> {
    const targets: ScrapeTarget[] = [];
    for await (const target of this.parts.targets.allAcrossTenants()) targets.push(target);
    const { fanOut, scrape, timeout, spread } = this.parts.settings;
    if (fanOut && context.distributesShards && targets.length > ENDPOINTS_PER_BATCH)
      return this.handOut(targets, context, shard);
    const { signal } = context;
    const options = { concurrency: scrape.concurrency, timeout, signal };
    let points = 0;
    const summary = await forEachIsolated(
      this.spread(targets, spread, 0, signal),
      options,
      async (target, own) => {
        const given = await this.ask(target, own);
        points += given;
      },
    );
    this.tell(summary, points);
    return points;
  }

  /** What a batch gave is stored when it has ended, so that a killed replica loses nothing that is counted. */
  async batch({ instances, first, batches }: EndpointBatch, context: ShardContext): Promise<void> {
    const { targets, settings, store } = this.parts;
    const { signal, startedAt } = context;
    // One that comes late has less of the interval left.
    const over = Math.max(0, settings.spread - Math.max(0, Date.now() - startedAt.getTime()));
    const found = await targets.findAllAcrossTenants(instances);
    const after = (over * first) / Math.max(1, found.length * batches);
    let points = 0;
    const summary = await forEachIsolated(
      this.spread(found, over, after, signal),
      { concurrency: settings.scrape.concurrency, signal },
      (target, own) =>
        this.slots(async () => {
          const name = `${target.host}:${target.port}`;
          const given = await answerWithin(settings.timeout, name, (late) => this.ask(target, late), own);
          points += given;
        }),
    );
    this.tell(summary, points);
    await atMost(STORE_WITHIN_MS, store.flush(), new SystemClock());
    const counts: Counts = {
      'endpoints.samples': points,
      'endpoints.failed': summary.failures.length,
      'endpoints.asked': found.length,
    };
    report(context, counts);
  }

  private async handOut(
    targets: readonly ScrapeTarget[],
    context: RunContext,
    shard: ShardMethod<EndpointBatch>,
  ): Promise<number> {
    const batches = Math.ceil(targets.length / ENDPOINTS_PER_BATCH);
    const given = Array.from({ length: batches }, (_, first): EndpointBatch => ({
      instances: targets
        .filter((_target, place) => place % batches === first)
        .map(({ instanceId }) => instanceId),
      first,
      batches,
    }));
    const lost = new AbortController();
    const watch = this.whenLost(context, () =>
      lost.abort(new Error('Not all endpoints were asked: the engine of shards is away')),
    );
    try {
      const { counts, failures } = await handOut(context, shard, given, { signal: lost.signal });
      for (const { error } of failures)
        context.logger.warn(`A batch of endpoints was not asked: ${error.message}`);
      return counts['endpoints.samples'] ?? 0;
    } catch (error) {
      context.signal.throwIfAborted();
      if (!lost.signal.aborted) throw error;
      context.logger.warn(messageOf(error));
      return 0;
    } finally {
      watch.cancel();
    }
  }

  /** Else an engine that is lost in mid-tick would hold up the readings of all providers. */
  private whenLost(context: RunContext, then: () => void): Timer {
    let since: number | undefined;
    return startTicking(() => {
      if (context.distributesShards) return void (since = undefined);
      since ??= performance.now();
      if (performance.now() - since >= this.parts.settings.timeout) then();
    }, LOOK_EVERY);
  }

  private async ask(target: ScrapeTarget, signal: AbortSignal): Promise<number> {
    const { settings, telemetry } = this.parts;
    const { samples } = await scrape(target, settings.scrape, signal);
    return (await telemetry.pushMetrics(target.tenantId, samples)).accepted;
  }

  private spread(
    targets: readonly ScrapeTarget[],
    over: number,
    after: number,
    signal: AbortSignal,
  ): AsyncGenerator<ScrapeTarget> {
    return spread(targets, over, { signal, after, hurry: this.parts.hurry });
  }

  private tell({ succeeded, failures }: IsolatedSummary<ScrapeTarget>, points: number): void {
    this.parts.reports.scraped(succeeded, failures.length, points, failures[0]?.error);
  }
}
