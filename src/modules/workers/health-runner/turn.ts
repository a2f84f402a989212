import { type CheckState, initialState } from '../../health-checks/check-state.js';
import { type HealthCheck } from '../../health-checks/health-check.js';
import { type HealthTurn } from '../../health-checks/health-check.repository.js';
import { type CheckedInstance } from '../../health-checks/instance-access.js';

/** A claimed turn, with what it takes to run it. */
export interface ArmedTurn {
  readonly turn: HealthTurn;
  readonly check: HealthCheck;
  readonly instance?: CheckedInstance;
  /** Where the check stands, as far as this replica knows; changes are stored in batches. */
  state: CheckState;
  /** The version that the state will have in the store once what was changed here is there. */
  version: number;
}

export function armedTurn(turn: HealthTurn, check: HealthCheck, instance?: CheckedInstance): ArmedTurn {
  return {
    turn,
    check,
    instance,
    state: turn.state ?? initialState(check.updatedAt.getTime()),
    version: turn.version,
  };
}

/**
 * The instants that a claim stands for: a check of a short interval comes several times before its lease ends. Of those
 * that have passed, as after an outage, the latest.
 * @param now the store's time, in milliseconds
 */
export function instantsOf({ dueAt, lease, interval }: HealthTurn, now: number): number[] {
  const instants: number[] = [];
  for (let at = dueAt.getTime(); at < lease.getTime(); at += interval) instants.push(at);
  const passed = instants.filter((at) => at <= now).length;
  return instants.slice(Math.max(0, passed - 1));
}

/** When the check is due after that turn: later than the lease for one whose interval is longer than that. */
export function nextDue({ dueAt, interval }: HealthTurn): Date {
  return new Date(dueAt.getTime() + interval);
}

/** What the probe of a check goes to, so that one target does not get too many at a time. */
export function targetOf({ check, instance }: Pick<ArmedTurn, 'check' | 'instance'>): string {
  const { probe } = check;
  if (probe.type === 'http' && probe.url !== undefined) return new URL(probe.url).host;
  if ((probe.type === 'tcp' || probe.type === 'grpc') && probe.address !== undefined) return probe.address;
  return instance?.id ?? check.id;
}
