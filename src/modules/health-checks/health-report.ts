import { type HealthCheckId } from '../ids/typed-id.js';
import { type HealthHistoryRepository, uptimeOf } from './health-history.repository.js';
import { quantileOf } from './latency-histogram.js';

const HOUR = 3_600_000;
const SPANS = { '1h': HOUR, '24h': 24 * HOUR, '7d': 168 * HOUR, '30d': 720 * HOUR } as const;

/** What a check's results came to in a time. Durations in milliseconds, within 5%. */
export interface SpanReport {
  /** The part that passed of those that could tell, 0 to 1; absent without any. Maintenance does not count. */
  uptime?: number;
  results: number;
  p50?: number;
  p95?: number;
  p99?: number;
}

/** Of the last hour, day, week and 30 days. */
export type CheckReport = Record<keyof typeof SPANS, SpanReport>;

export async function reportOf(id: HealthCheckId, history: HealthHistoryRepository): Promise<CheckReport> {
  const spans = await Promise.all(
    Object.entries(SPANS).map(async ([name, within]): Promise<[string, SpanReport]> => {
      const counts = await history.counts(id, within);
      const [p50, p95, p99] = [0.5, 0.95, 0.99].map((part) => quantileOf(counts.latency, part));
      const results = counts.success + counts.degraded + counts.failure + counts.unknown;
      return [name, { uptime: uptimeOf(counts), results, p50, p95, p99 }];
    }),
  );
  return Object.fromEntries(spans) as CheckReport;
}
