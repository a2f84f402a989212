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
  /** Workloads that go on as they are, though the file now differs in more than replicas. */
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

/** Several things, each of which may fail without keeping the others from their turn. */
export class Attempts {
  readonly failures: FleetFailure[] = [];

  constructor(readonly signal?: AbortSignal) {}

  /** @throws the signal's reason when it has aborted; every other error becomes a failure of the subject. */
  async at(subject: string, task: () => Promise<void>): Promise<void> {
    this.signal?.throwIfAborted();
    try {
      await task();
    } catch (error) {
      this.signal?.throwIfAborted();
      this.failures.push({ subject, reason: messageOf(error) });
    }
  }
}
