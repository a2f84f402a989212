import { forEachIsolated } from '../../modules/concurrency/for-each-isolated.js';
import { messageOf } from '../../core/text/describe-error.js';

/** One part of the fleet that could not be handled; the others were. */
export interface FleetFailure {
  /** `acme` for a tenant, `acme/web` for a workload, an instance's id where no more is known of it. */
  subject: string;
  reason: string;
}

/** What `up` found and did. Workloads are named like `acme/web`. */
export interface FleetUpReport {
  /** Workloads that were missing. */
  created: string[];
  /** Workloads whose replicas differed from the file. */
  scaled: string[];
  /**
   * Workloads whose spec, drift policy or rollout differed, or whose last deployment had failed. The spec is rolled out
   * from here on.
   */
  updated: string[];
  /** Datacenters, such as `acme/main`, whose bootstrap services differed. */
  bootstrapped: string[];
  /** What the file says and nothing can be changed to: `acme/web: labels`. It goes on as it is. */
  outdated: string[];
  /** Instances that the file asks for. */
  wanted: number;
  /** Instances of the declared workloads that are running now, as their providers say. */
  running: number;
  failures: FleetFailure[];
}

/** How much `down` removed. */
export interface FleetDownReport {
  workloads: number;
  instances: number;
  failures: FleetFailure[];
}

/** One part after the other, as each may need what the one before has made. @throws the signal's reason when it has aborted */
export async function eachOf<T>(
  parts: Iterable<T> | AsyncIterable<T>,
  subject: (part: T) => string,
  { signal, failures }: { signal?: AbortSignal | undefined; failures: FleetFailure[] },
  handle: (part: T) => Promise<unknown>,
): Promise<void> {
  const options = { concurrency: 1, key: subject, ...(signal && { signal }) };
  const { failures: failed } = await forEachIsolated(parts, options, handle);
  failures.push(...failed.map(({ key, error }) => ({ subject: key, reason: messageOf(error) })));
}
