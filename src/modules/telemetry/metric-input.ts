import { isId } from '../ids/typed-id.js';
import { type MetricSample, type StoredSample } from './metric.js';
import { type TelemetryLimits } from './telemetry.options.js';
import { type TenantId } from '../ids/typed-id.js';

/**
 * Why a sample was not taken. `push`: beyond the samples of a push. `name`, `kind`, `labels`, `value`, `time`, `instance`: that
 * part of it is malformed, or too long, too many, too old or too far ahead. `series`: the tenant has no place for another series.
 */
export type SampleFault = 'push' | 'name' | 'kind' | 'labels' | 'value' | 'time' | 'instance' | 'series';

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
/** Not with two underscores, as those are Prometheus's own: with `__name__` a series would take the name of another. */
const LABEL = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;
/** What PostgreSQL refuses in text. */
const UNSTORABLE = /[\u0000\p{Surrogate}]/u;

/** How far a clock may be ahead of this one. */
const AHEAD_MS = 300_000;

/** The sample with all its parts, or why it cannot be one. */
export function checkSample(
  tenantId: TenantId,
  sample: MetricSample,
  { now, keptFor, limits }: { now: number; keptFor: number; limits: TelemetryLimits },
): StoredSample | SampleFault {
  const { name, value, ...given } = sample ?? {};
  const labels: unknown = given.labels ?? {};
  const instanceId = given.instanceId ?? undefined;
  const at = given.at ?? undefined;
  const startedAt = given.startedAt ?? undefined;
  if (typeof name !== 'string' || name.length > limits.nameLength || !NAME.test(name)) return 'name';
  const kind: unknown = given.kind ?? (name.endsWith('_total') ? 'counter' : 'gauge');
  if (kind !== 'counter' && kind !== 'gauge') return 'kind';
  if (typeof labels !== 'object' || Array.isArray(labels)) return 'labels';
  const pairs = Object.entries(labels as Record<string, unknown>);
  if (pairs.length > limits.labels) return 'labels';
  for (const [label, text] of pairs) {
    if (label.length > limits.nameLength || !LABEL.test(label)) return 'labels';
    if (typeof text !== 'string' || text.length > limits.valueLength || UNSTORABLE.test(text))
      return 'labels';
  }
  if (instanceId !== undefined && !isId('instance', instanceId)) return 'instance';
  if (typeof value !== 'number' || !Number.isFinite(value)) return 'value';
  if (!isDate(at) || !isDate(startedAt)) return 'time';
  const instant = at === undefined ? now : at.getTime();
  if (!(instant > now - keptFor && instant < now + AHEAD_MS)) return 'time';
  if (startedAt !== undefined && !(startedAt.getTime() <= instant)) return 'time';
  return {
    tenantId,
    // A label that is empty is one that is not there, as in Prometheus.
    series: {
      name,
      kind,
      labels: Object.fromEntries(pairs.filter(([, text]) => text !== '')) as Record<string, string>,
      ...(instanceId && { instanceId }),
    },
    at: new Date(instant),
    value,
    startedAt: startedAt === undefined ? null : new Date(startedAt.getTime()),
  };
}

/** Under Jest a date may be of another realm. */
function isDate(value: Date | undefined): boolean {
  return value === undefined || Object.prototype.toString.call(value) === '[object Date]';
}

/** Whether there can be a series of that name. */
export function isMetricName(name: unknown): name is string {
  return typeof name === 'string' && NAME.test(name);
}

/** Whether there can be series with such labels, whatever the limits are now. */
export function areMetricLabels(labels: unknown): boolean {
  return (
    typeof labels === 'object' &&
    labels !== null &&
    !Array.isArray(labels) &&
    Object.entries(labels).every(
      ([label, text]) => LABEL.test(label) && typeof text === 'string' && !UNSTORABLE.test(text),
    )
  );
}
