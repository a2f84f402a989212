import { type Duration } from '../../core/timing/duration.js';
import { type Page, type PageQuery } from '../database/page.js';
import { type HealthCheckId, type InstanceId, type TenantId } from '../ids/typed-id.js';
import { type CheckState } from './check-state.js';
import { type HealthCheck } from './health-check.js';
import { type HealthCheckSettings } from './health-check-input.js';
import { type Push, type PushState } from './probes/push.prober.js';

/** How much longer than a check's own time, in milliseconds, a replica has for a turn before another one takes it. */
export const LEASE_BEYOND_TIMEOUT = 10_000;

/** How long after its lease, in milliseconds, a turn's result may still change the state: it is written in a batch. */
export const LATE_RESULT = 5_000;

export interface HealthCheckQuery extends PageQuery {
  /** Only those of this instance. */
  instanceId?: InstanceId | undefined;
}

export interface NewHealthCheck extends HealthCheckSettings {
  id: HealthCheckId;
  instanceId?: InstanceId;
}

/** A turn of a check that this replica has claimed, and where the check stood then. */
export interface HealthTurn {
  readonly checkId: HealthCheckId;
  /** The instant that it stands for: no other turn is for the same. */
  readonly dueAt: Date;
  /** Until then the check cannot be claimed again. */
  readonly lease: Date;
  /** Of the check: another number than the one known means that it has to be read anew. */
  readonly revision: number;
  readonly interval: number;
  /** Of the state. */
  readonly version: number;
  /** Undefined before the first result. */
  readonly state: CheckState | undefined;
}

export interface TurnClaims {
  readonly turns: readonly HealthTurn[];
  /** The store's time when they were claimed. */
  readonly now: Date;
}

/** What a replica learns when it says that it lives. */
export interface Beat {
  /** False at the first, and when others have taken it for dead, and taken over what it had claimed. */
  readonly known: boolean;
  /** How many checks it has taken over. */
  readonly takenOver: number;
}

/** A state to store, if it still is the one that it was made from. */
export interface StateUpdate {
  readonly checkId: HealthCheckId;
  /** Of the state that it was made from. */
  readonly version: number;
  /** Of the check that was run: of one that was changed since then nothing is stored. */
  readonly revision: number;
  /** Of the turn whose result made it. A turn whose lease ended long ago changes nothing. */
  readonly lease: Date;
  readonly state: CheckState;
}

/** Where one check of an instance stands. */
export interface InstanceCheckState {
  readonly instanceId: InstanceId;
  readonly name: string;
  /** Undefined before the first result. */
  readonly state: CheckState | undefined;
}

/** A state as it is stored. */
export interface StoredState {
  readonly state: CheckState | undefined;
  readonly version: number;
  /** Of the check that it is of. */
  readonly revision: number;
}

/**
 * Health checks, when each is due, and where each stands. Every method refuses a malformed id with `InvalidIdError`.
 *
 * A claim moves a check's turn ahead, by its interval, and at most by its lease: where the holder dies, the check is due
 * again when that ends, or as soon as another replica notices (`beatAcrossTenants`). What runs every few seconds is settled by the claim itself, so a check whose state stays the
 * same costs one write a turn.
 */
export abstract class HealthCheckRepository {
  /**
   * Stores it, due at a random instant of its first interval after `initialDelay`, so that what is made together does
   * not run together.
   * @throws HealthCheckNameTakenError
   */
  abstract insert(tenantId: TenantId, check: NewHealthCheck): Promise<HealthCheck>;

  abstract find(tenantId: TenantId, id: HealthCheckId): Promise<HealthCheck | undefined>;

  /** The tenant's, oldest first. */
  abstract list(tenantId: TenantId, query?: HealthCheckQuery): Promise<Page<HealthCheck>>;

  /**
   * Replaces what its owner decides, if it still is of that revision.
   * @returns undefined when there is none, or none of that revision
   * @throws HealthCheckNameTakenError
   */
  abstract update(
    tenantId: TenantId,
    id: HealthCheckId,
    revision: number,
    settings: HealthCheckSettings,
  ): Promise<HealthCheck | undefined>;

  /** @returns whether this call removed it */
  abstract delete(tenantId: TenantId, id: HealthCheckId): Promise<boolean>;

  /** @returns how many there were */
  abstract deleteOfInstance(tenantId: TenantId, instanceId: InstanceId): Promise<number>;

  /**
   * Instances that have checks, ordered by id, after the given one.
   * @param page `limit`: most that are returned
   */
  abstract instancesAcrossTenants(page: {
    limit: number;
    after?: InstanceId | undefined;
  }): Promise<{ tenantId: TenantId; instanceId: InstanceId }[]>;

  /** Those that exist. */
  abstract findAllAcrossTenants(ids: readonly HealthCheckId[]): Promise<HealthCheck[]>;

  /** Where they stand; of a check that is not there there is no entry. */
  abstract statesAcrossTenants(ids: readonly HealthCheckId[]): Promise<Map<HealthCheckId, StoredState>>;

  /** Where the checks of these instances stand that are not turned off. */
  abstract statesOfInstancesAcrossTenants(ids: readonly InstanceId[]): Promise<InstanceCheckState[]>;

  /**
   * Takes turns that are due, or will be within the horizon, the longest due first.
   * @param options `replica`: the claimant; without it the turns are not taken over before their leases end
   */
  abstract claimAcrossTenants(options: {
    limit: number;
    horizon: Duration;
    replica?: string;
  }): Promise<TurnClaims>;

  /**
   * Says that a replica lives. What replicas that have been silent for longer had claimed, and not brought to a result,
   * is due again: at its own instant if that is still to come, else at a new one within half a second, as the dead one
   * may have run it. Does so only for a replica that has been heard of lately itself: after an outage of the store all
   * have been silent.
   */
  abstract beatAcrossTenants(beat: { replica: string; silence: Duration }): Promise<Beat>;

  /** The replica ends, and has claimed nothing any more. */
  abstract leaveAcrossTenants(replica: string): Promise<void>;

  /**
   * Moves turns whose lease is theirs still: to the next one of a check whose interval is longer than its lease, or
   * back, to be claimed again.
   * @returns the checks whose turn was moved
   */
  abstract settleAcrossTenants(
    moves: readonly { checkId: HealthCheckId; lease: Date; dueAt: Date }[],
  ): Promise<Set<HealthCheckId>>;

  /**
   * Spreads what is overdue by more than that over its interval, at most over a minute: after an outage not everything
   * may run at once.
   * @returns how many
   */
  abstract spreadAcrossTenants(overdueBy: Duration): Promise<number>;

  /** Those of these checks that were changed or removed since they were of that revision. */
  abstract changedAcrossTenants(
    checks: readonly Pick<HealthTurn, 'checkId' | 'revision'>[],
  ): Promise<Set<HealthCheckId>>;

  /** @returns the checks whose state was stored; the others had moved on, or were changed */
  abstract storeStatesAcrossTenants(updates: readonly StateUpdate[]): Promise<Set<HealthCheckId>>;

  /** Keeps that the target called. @returns false when there is no such check */
  abstract push(tenantId: TenantId, id: HealthCheckId, push: Push): Promise<boolean>;

  /** When the target last called, and how long it has had to; undefined when there is no such check. */
  abstract pushState(id: HealthCheckId): Promise<PushState | undefined>;
}
