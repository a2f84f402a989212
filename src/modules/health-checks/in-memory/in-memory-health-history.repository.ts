import { Injectable } from '@nestjs/common';
import { pageLimit } from '../../database/page.js';
import { type HealthCheckId, parseId } from '../../ids/typed-id.js';
import { type HealthResult } from '../health-check.js';
import {
  emptyCounts,
  type HealthCounts,
  HealthHistoryRepository,
  type HistoryQuery,
  type HistoryWriter,
} from '../health-history.repository.js';
import { addToHistogram, bucketOf } from '../latency-histogram.js';

/** What is kept of each check. */
const MOST_RESULTS = 500;
const KEEP_MINUTES = 36 * 24 * 60;
const MINUTE = 60_000;

interface Kept {
  /** Oldest first. */
  results: HealthResult[];
  /** By the minute, as milliseconds. */
  minutes: Map<number, HealthCounts>;
}

/** In the memory of one process: the last 500 results of each check, and what they came to by the minute. */
@Injectable()
export class InMemoryHealthHistoryRepository extends HealthHistoryRepository {
  private readonly kept = new Map<HealthCheckId, Kept>();
  private written = 0;

  async maintain(): Promise<void> {
    const oldest = Date.now() - KEEP_MINUTES * MINUTE;
    for (const { minutes } of this.kept.values())
      for (const minute of minutes.keys()) if (minute < oldest) minutes.delete(minute);
  }

  writer(): HistoryWriter {
    return {
      add: (results) => results.forEach((result) => this.keep(result)),
      flush: async () => undefined,
      counts: () => ({ buffered: 0, written: this.written, lost: 0 }),
      close: async () => undefined,
    };
  }

  async recent(
    checkIds: readonly HealthCheckId[],
    { limit, before }: HistoryQuery = {},
  ): Promise<HealthResult[]> {
    const most = pageLimit(limit);
    return checkIds
      .flatMap((id) => this.kept.get(parseId('healthCheck', id))?.results ?? [])
      .filter(({ dueAt }) => !before || dueAt < before)
      .sort((a, b) => b.dueAt.getTime() - a.dueAt.getTime() || (a.checkId < b.checkId ? -1 : 1))
      .slice(0, most);
  }

  async latest(checkIds: readonly HealthCheckId[]): Promise<Map<HealthCheckId, HealthResult>> {
    const found = checkIds.flatMap((id) => {
      const last = this.kept.get(id)?.results.at(-1);
      return last ? [[id, last] as const] : [];
    });
    return new Map(found);
  }

  async counts(checkId: HealthCheckId, within: number): Promise<HealthCounts> {
    const since = Date.now() - within - MINUTE;
    const sum = emptyCounts();
    for (const [minute, counts] of this.kept.get(parseId('healthCheck', checkId))?.minutes ?? []) {
      if (minute <= since) continue;
      for (const key of ['success', 'degraded', 'failure', 'unknown', 'maintenance'] as const)
        sum[key] += counts[key];
      for (const [bucket, count] of counts.latency) addToHistogram(sum.latency, bucket, count);
    }
    return sum;
  }

  private keep(result: HealthResult): void {
    let kept = this.kept.get(result.checkId);
    if (!kept) this.kept.set(result.checkId, (kept = { results: [], minutes: new Map() }));
    if (kept.results.some(({ dueAt }) => dueAt.getTime() === result.dueAt.getTime())) return;
    this.written++;
    kept.results.push(result);
    kept.results.sort((a, b) => a.dueAt.getTime() - b.dueAt.getTime());
    if (kept.results.length > MOST_RESULTS) kept.results.shift();
    const minute = Math.floor(result.dueAt.getTime() / MINUTE) * MINUTE;
    let counts = kept.minutes.get(minute);
    if (!counts) kept.minutes.set(minute, (counts = emptyCounts()));
    if (result.maintenance) {
      counts.maintenance++;
      return;
    }
    counts[result.outcome]++;
    if (result.outcome !== 'unknown') addToHistogram(counts.latency, bucketOf(result.duration), 1);
  }
}
