import { type Duration } from '../../core/timing/duration.js';
import { type TenantId } from '../ids/typed-id.js';
import { type MetricSample } from './metric.js';

/** A sample as a collector gives it. */
export interface CollectedSample extends MetricSample {
  /** Whose it is. Default `OWN_TENANT`: the application's own. */
  tenantId?: TenantId;
}

/** Something that measures when it is asked to. */
export interface MetricCollector {
  /** @param signal aborts when the collector has taken too long */
  collect(signal: AbortSignal): Iterable<CollectedSample> | Promise<Iterable<CollectedSample>>;
}

export interface MetricCollectorOptions {
  /** In events, logs and counts. Default the name of the class. */
  name?: string | undefined;
  /** What it gets for each tick. Default that of the module. */
  timeout?: Duration | undefined;
}

/** A collector that is known, and how it is called. */
export interface RegisteredCollector extends MetricCollectorOptions {
  readonly name: string;
  readonly collector: MetricCollector;
}
