import { withMetric } from '../execution/run-metrics.js';
import { describeError } from '../text/describe-error.js';
import { type ShardFailure } from '../worker/fan-out.js';
import { type FanOutOutcome, MOST_FAILURES } from './fan-out.engine.js';
import { type ShardMetrics } from './shard-runner.js';

/** Counts the results of a fan-out's shards. */
export class ShardResults {
  done = 0;
  failed = 0;
  private readonly errors: ShardFailure[] = [];
  private metrics: ShardMetrics;

  /** @throws InvalidMetricError when the shards report too many names */
  succeeded(metrics: ShardMetrics): void {
    this.done++;
    if (metrics) this.metrics = sumOf(this.metrics, metrics);
  }

  gaveUp(item: unknown, index: number, attempts: number, thrown: unknown): void {
    this.failed++;
    // Shards end in no order; the first by index are kept.
    const { errors } = this;
    if (errors.length >= MOST_FAILURES && errors.at(-1)!.index < index) return;
    errors.push({ item, index, attempts, error: describeError(thrown) });
    errors.sort((a, b) => a.index - b.index);
    errors.length = Math.min(errors.length, MOST_FAILURES);
  }

  get outcome(): FanOutOutcome {
    const { done, failed, errors, metrics } = this;
    return { done, failed, errors, metrics };
  }
}

/**
 * Metrics with others added to them.
 * @throws InvalidMetricError
 */
export function sumOf(
  metrics: Readonly<Record<string, number>> | undefined,
  more: NonNullable<ShardMetrics>,
): Record<string, number> {
  let sum = { ...metrics };
  for (const [name, value] of Object.entries(more))
    sum = withMetric(sum, name, (Object.hasOwn(sum, name) ? sum[name]! : 0) + value);
  return sum;
}
