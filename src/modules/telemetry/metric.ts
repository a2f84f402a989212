import { type InstanceId, type TenantId } from '../ids/typed-id.js';

/** Name and value pairs that tell series of one name apart. */
export type MetricLabels = Readonly<Record<string, string>>;

/** `counter`: grows until what it counts starts anew. */
export type SeriesKind = 'gauge' | 'counter';

/** A measured value, as it is pushed. */
export interface MetricSample {
  /** As Prometheus has it: letters, digits, `_` and `:`, no digit first. Ends with the unit, such as `_bytes`. */
  name: string;
  labels?: MetricLabels;
  /** The instance that it was measured at, or for. */
  instanceId?: InstanceId;
  /** Finite. */
  value: number;
  /** When it was measured. Default now. */
  at?: Date;
  /** Default `gauge`, and `counter` for names that end with `_total`. A series keeps the kind that it came with first. */
  kind?: SeriesKind;
  /** Since when a counter counts, if that is known: a restart shows by it even if the counter is already past its old value. */
  startedAt?: Date;
}

/** A sample of one tenant, complete. */
export interface StoredSample {
  readonly tenantId: TenantId;
  readonly series: SeriesIdentity;
  readonly at: Date;
  readonly value: number;
  readonly startedAt: Date | null;
}

export interface SeriesIdentity {
  readonly name: string;
  readonly labels: MetricLabels;
  readonly instanceId?: InstanceId;
  readonly kind: SeriesKind;
}

/** A series that is stored. */
export interface MetricSeries extends SeriesIdentity {
  /** Within the store. */
  readonly id: number;
}

/** What tells a series from all others of its tenant. The same whatever the order of the labels. */
export function seriesKey({ name, labels, instanceId }: Omit<SeriesIdentity, 'kind'>): string {
  const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([name, instanceId ?? null, ...pairs]);
}
