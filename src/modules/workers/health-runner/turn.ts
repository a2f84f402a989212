import { type CheckState, initialState, stateSince } from '../../health-checks/check-state.js';
import { type HealthCheck } from '../../health-checks/health-check.js';
import { type HealthTurn } from '../../health-checks/health-check.repository.js';
import { type CheckedInstance } from '../../health-checks/instance-access.js';
import { type HealthCheckId } from '../../ids/typed-id.js';

/** A claimed turn, with what it takes to run it. */
export interface ArmedTurn {
  readonly turn: HealthTurn;
  readonly check: HealthCheck;
  readonly instance?: CheckedInstance;
  readonly position: Position;
}

/**
 * Where a check stands, as far as this replica knows. All turns of the check share one: a result may be held back, or
 * wait for its batch, when the next turn has been claimed.
 */
export interface Position {
  state: CheckState;
  /** The version that the state will have in the store once what was changed here is there. */
  version: number;
  /** The newest revision of the check that this replica has heard of; `Infinity` once it is removed. */
  revision: number;
}

/** The positions of the checks that this replica has had to do with. */
export class Positions {
  private readonly byCheck = new Map<HealthCheckId, Position>();

  /** What was claimed, unless more is known here. */
  of({ checkId, state, version, revision }: HealthTurn, check: HealthCheck): Position {
    let position = this.byCheck.get(checkId);
    if (!position) this.byCheck.set(checkId, (position = { state: initialState(0), version: -1, revision }));
    position.revision = Math.max(position.revision, revision);
    if (version > position.version) {
      position.state = state ?? initialState(check.updatedAt.getTime());
      position.version = version;
    }
    return position;
  }

  forget(checkId: HealthCheckId): void {
    this.byCheck.delete(checkId);
  }
}

/** Where the check of a turn stands, now that its instance runs since then. */
export function stateOf({ position, instance }: Pick<ArmedTurn, 'position' | 'instance'>): CheckState {
  return stateSince(position.state, instance?.runningSince?.getTime());
}

/** Whether the check is as it was when the turn was claimed, as far as this replica knows. */
export function isCurrent({ turn, position }: Pick<ArmedTurn, 'turn' | 'position'>): boolean {
  return position.revision === turn.revision;
}

/** What was changed here did not get to the store: what is there counts. */
export function forsake(position: Position): void {
  position.version = -1;
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

/** Those of the instants that come after the check's `initialDelay`. */
export function afterDelay(armed: Omit<ArmedTurn, 'turn'>, instants: readonly number[]): readonly number[] {
  const { initialDelay } = armed.check;
  if (initialDelay === 0) return instants;
  const begin = stateOf(armed).startedAt + initialDelay;
  return instants.filter((instant) => instant >= begin);
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
