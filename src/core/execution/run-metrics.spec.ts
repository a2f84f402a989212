import { describe, expect, it } from '@jest/globals';
import { InvalidMetricError } from './execution.errors.js';
import { withMetric } from './run-metrics.js';

describe('the metrics of a run', () => {
  it('are by name, of each the last value', () => {
    let metrics = withMetric(undefined, 'rows', 1);
    metrics = withMetric(metrics, 'rows', -2.5);
    metrics = withMetric(metrics, '__proto__', 0);
    metrics = withMetric(metrics, 'größe 💥', Number.MAX_VALUE);
    expect(JSON.parse(JSON.stringify(metrics))).toEqual(
      JSON.parse(`{ "rows": -2.5, "__proto__": 0, "größe 💥": ${Number.MAX_VALUE} }`),
    );
  });

  it.each([Number.NaN, Infinity, -Infinity, '3', 3n, null, undefined, {}, new Date(0)])(
    'refuse the value %p, naming it and the metric',
    (value) => {
      expect(() => withMetric({}, 'rows', value)).toThrow(InvalidMetricError);
      expect(() => withMetric({}, 'rows', value)).toThrow(/"rows", .* is no finite number/);
    },
  );

  it.each(['', 'a'.repeat(101), 'a\0', '\ud83d', 7, undefined, Symbol('x')])('refuse the name %p', (name) => {
    expect(() => withMetric({}, name, 1)).toThrow(InvalidMetricError);
  });

  it('are at most 50, of which each may change', () => {
    let metrics: Record<string, number> = {};
    for (let i = 0; i < 50; i++) metrics = withMetric(metrics, `m${i}`, i);
    expect(() => withMetric(metrics, 'one more', 1)).toThrow(/51st name, and a run keeps 50/);
    expect(withMetric(metrics, 'm0', 9)).toMatchObject({ m0: 9 });
  });
});
