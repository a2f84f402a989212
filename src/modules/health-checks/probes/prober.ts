import { type EgressPolicy } from '../../network-policy/egress-policy.js';
import { type Resolve } from '../../network-policy/dial.js';
import { type HealthCheck, type ProbeResult } from '../health-check.js';
import { type CheckedInstance } from '../instance-access.js';
import { type PhaseClock } from './phase-clock.js';
import { type ProbeTime } from './probe-time.js';

/** What a probe has besides its own description. */
export interface ProbeContext {
  readonly check: HealthCheck;
  /** What the check belongs to, as it is now. */
  readonly instance?: Pick<CheckedInstance, 'id' | 'provider' | 'endpoints' | 'runningSince'>;
  /** Aborts when the check's time is over, and at shutdown. */
  readonly signal: ProbeTime;
  readonly policy: EgressPolicy;
  readonly resolve: Resolve;
  /** Where the probe says how far it is. */
  readonly phases: PhaseClock;
}

/**
 * Carries out one kind of probe, once. What it finds out about the target is a result; what it throws is explained by
 * `explain`, which tells failures of the target from those of this process.
 */
export interface Prober<P> {
  probe(probe: P, context: ProbeContext): Promise<ProbeResult>;
}

/** A probe found out why the target fails. */
export class ProbeFailure extends Error {
  override readonly name = 'ProbeFailure';
}

/** A probe could not be carried out, for a reason that says nothing about the target. */
export class ProberFault extends Error {
  override readonly name = 'ProberFault';
}
