import { Injectable } from '@nestjs/common';
import { type Clock, SystemClock } from '../../../core/timing/clock.js';
import { type Duration, parseDuration } from '../../../core/timing/duration.js';
import { pageByKey, type Page, type Position } from '../../database/page.js';
import { type HealthCheckId, type InstanceId, parseId, type TenantId } from '../../ids/typed-id.js';
import { type CheckState } from '../check-state.js';
import { HealthCheckNameTakenError } from '../health-check.errors.js';
import { type HealthCheck } from '../health-check.js';
import { type HealthCheckSettings } from '../health-check-input.js';
import {
  type Beat,
  type HealthCheckQuery,
  HealthCheckRepository,
  type HealthTurn,
  type InstanceCheckState,
  LATE_RESULT,
  LEASE_BEYOND_TIMEOUT,
  type NewHealthCheck,
  type StateUpdate,
  type StoredState,
  type TurnClaims,
} from '../health-check.repository.js';
import { type Push, type PushState } from '../probes/push.prober.js';

interface Turn {
  dueAt: number;
  version: number;
  state?: CheckState;
  push?: Push & { at: number };
}

/** In the memory of one process, and gone with it. */
@Injectable()
export class InMemoryHealthCheckRepository extends HealthCheckRepository {
  private readonly checks = new Map<HealthCheckId, HealthCheck>();
  private readonly turns = new Map<HealthCheckId, Turn>();

  constructor(private readonly clock: Clock = new SystemClock()) {
    super();
  }

  async insert(tenantId: TenantId, { id, instanceId, ...settings }: NewHealthCheck): Promise<HealthCheck> {
    parseId('tenant', tenantId);
    parseId('healthCheck', id);
    if (instanceId !== undefined) parseId('instance', instanceId);
    this.assertNameFree(tenantId, instanceId, settings.name, id);
    const now = new Date(this.clock.now());
    const check = { ...settings, id, tenantId, instanceId, revision: 1, createdAt: now, updatedAt: now };
    this.checks.set(id, check);
    const dueAt = Math.round(this.clock.now() + settings.initialDelay + Math.random() * settings.interval);
    this.turns.set(id, { dueAt, version: 0 });
    return { ...check };
  }

  async find(tenantId: TenantId, id: HealthCheckId): Promise<HealthCheck | undefined> {
    parseId('tenant', tenantId);
    const check = this.checks.get(parseId('healthCheck', id));
    return check?.tenantId === tenantId ? { ...check } : undefined;
  }

  async list(tenantId: TenantId, { instanceId, ...page }: HealthCheckQuery = {}): Promise<Page<HealthCheck>> {
    parseId('tenant', tenantId);
    if (instanceId !== undefined) parseId('instance', instanceId);
    const found = [...this.checks.values()]
      .filter((check) => check.tenantId === tenantId && (!instanceId || check.instanceId === instanceId))
      .sort(byAge);
    return pageByKey(page, async ({ limit, after }) =>
      found.filter((check) => !after || byAge(check, after) > 0).slice(0, limit),
    );
  }

  async update(
    tenantId: TenantId,
    id: HealthCheckId,
    revision: number,
    settings: HealthCheckSettings,
  ): Promise<HealthCheck | undefined> {
    const check = await this.find(tenantId, id);
    if (check?.revision !== revision) return undefined;
    this.assertNameFree(tenantId, check.instanceId, settings.name, id);
    const changed = { ...check, ...settings, revision: revision + 1, updatedAt: new Date(this.clock.now()) };
    this.checks.set(id, changed);
    const turn = this.turns.get(id)!;
    turn.dueAt = Math.min(turn.dueAt, Math.round(this.clock.now() + Math.random() * settings.interval));
    if (!(check.enabled && settings.enabled)) {
      turn.state = undefined;
      turn.version++;
    }
    return { ...changed };
  }

  async delete(tenantId: TenantId, id: HealthCheckId): Promise<boolean> {
    if (!(await this.find(tenantId, id))) return false;
    this.turns.delete(id);
    return this.checks.delete(id);
  }

  async deleteOfInstance(tenantId: TenantId, instanceId: InstanceId): Promise<number> {
    parseId('tenant', tenantId);
    parseId('instance', instanceId);
    const found = [...this.checks.values()].filter(
      (check) => check.tenantId === tenantId && check.instanceId === instanceId,
    );
    for (const { id } of found) {
      this.checks.delete(id);
      this.turns.delete(id);
    }
    return found.length;
  }

  async instancesAcrossTenants({
    limit,
    after = '' as InstanceId,
  }: {
    limit: number;
    after?: InstanceId | undefined;
  }): Promise<{ tenantId: TenantId; instanceId: InstanceId }[]> {
    const tenants = new Map<InstanceId, TenantId>();
    for (const { tenantId, instanceId } of this.checks.values())
      if (instanceId !== undefined && instanceId > after) tenants.set(instanceId, tenantId);
    return [...tenants]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, limit)
      .map(([instanceId, tenantId]) => ({ tenantId, instanceId }));
  }

  async findAllAcrossTenants(ids: readonly HealthCheckId[]): Promise<HealthCheck[]> {
    return ids.flatMap((id) => this.checks.get(id) ?? []).map((check) => ({ ...check }));
  }

  async statesAcrossTenants(ids: readonly HealthCheckId[]): Promise<Map<HealthCheckId, StoredState>> {
    const found = ids.flatMap((id) => {
      const turn = this.turns.get(id);
      const { revision } = this.checks.get(id) ?? {};
      if (!turn || revision === undefined) return [];
      return [[id, { state: turn.state, version: turn.version, revision }] as const];
    });
    return new Map(found);
  }

  async statesOfInstancesAcrossTenants(ids: readonly InstanceId[]): Promise<InstanceCheckState[]> {
    const wanted = new Set(ids);
    return [...this.checks.values()]
      .filter(({ enabled, instanceId }) => enabled && instanceId !== undefined && wanted.has(instanceId))
      .sort(byAge)
      .map(({ id, instanceId, name }) => ({
        instanceId: instanceId!,
        name,
        state: this.turns.get(id)!.state,
      }));
  }

  async claimAcrossTenants(options: { limit: number; horizon: Duration }): Promise<TurnClaims> {
    const now = this.clock.now();
    const until = now + parseDuration(options.horizon);
    const due = [...this.turns].filter(([id, turn]) => this.checks.get(id)!.enabled && turn.dueAt <= until);
    due.sort(([, a], [, b]) => a.dueAt - b.dueAt);
    const turns = due.slice(0, options.limit).map(([checkId, turn]): HealthTurn => {
      const { interval, timeout, revision } = this.checks.get(checkId)!;
      const { dueAt, version, state } = turn;
      const next = dueAt + interval * Math.max(1, Math.floor((until - dueAt) / interval) + 1);
      const leaseEnd = Math.max(dueAt, now) + timeout + LEASE_BEYOND_TIMEOUT;
      turn.dueAt = Math.max(Math.min(next, leaseEnd), until + 1);
      return {
        checkId,
        dueAt: new Date(dueAt),
        lease: new Date(turn.dueAt),
        revision,
        interval,
        version,
        state,
      };
    });
    return { turns, now: new Date(now) };
  }

  /** There is one replica only. */
  async beatAcrossTenants(): Promise<Beat> {
    return { known: true, takenOver: 0 };
  }

  async leaveAcrossTenants(): Promise<void> {
    return undefined;
  }

  async settleAcrossTenants(
    moves: readonly { checkId: HealthCheckId; lease: Date; dueAt: Date }[],
  ): Promise<Set<HealthCheckId>> {
    const settled = new Set<HealthCheckId>();
    for (const { checkId, lease, dueAt } of moves) {
      const turn = this.turns.get(checkId);
      if (turn?.dueAt !== lease.getTime()) continue;
      turn.dueAt = dueAt.getTime();
      settled.add(checkId);
    }
    return settled;
  }

  async spreadAcrossTenants(overdueBy: Duration): Promise<number> {
    const now = this.clock.now();
    const overdue = [...this.turns].filter(
      ([id, { dueAt }]) => this.checks.get(id)!.enabled && dueAt < now - parseDuration(overdueBy),
    );
    for (const [id, turn] of overdue)
      turn.dueAt = Math.round(now + Math.random() * Math.min(this.checks.get(id)!.interval, 60_000));
    return overdue.length;
  }

  async changedAcrossTenants(
    checks: readonly Pick<HealthTurn, 'checkId' | 'revision'>[],
  ): Promise<Set<HealthCheckId>> {
    const changed = checks.filter(({ checkId, revision }) => this.checks.get(checkId)?.revision !== revision);
    return new Set(changed.map(({ checkId }) => checkId));
  }

  async storeStatesAcrossTenants(updates: readonly StateUpdate[]): Promise<Set<HealthCheckId>> {
    const stored = new Set<HealthCheckId>();
    for (const { checkId, revision, version, lease, state } of updates) {
      const turn = this.turns.get(checkId);
      if (this.checks.get(checkId)?.revision !== revision) continue;
      if (turn?.version !== version || this.clock.now() >= lease.getTime() + LATE_RESULT) continue;
      turn.state = state;
      turn.version++;
      stored.add(checkId);
    }
    return stored;
  }

  async push(tenantId: TenantId, id: HealthCheckId, push: Push): Promise<boolean> {
    if (!(await this.find(tenantId, id))) return false;
    this.turns.get(id)!.push = { ...push, at: this.clock.now() };
    return true;
  }

  async pushState(id: HealthCheckId): Promise<PushState | undefined> {
    const check = this.checks.get(parseId('healthCheck', id));
    if (!check) return undefined;
    const now = this.clock.now();
    const push = this.turns.get(id)!.push;
    const last = push && { outcome: push.outcome, message: push.message, age: now - push.at };
    return { ...(last && { last }), waiting: now - check.updatedAt.getTime() };
  }

  private assertNameFree(
    tenantId: TenantId,
    instanceId: InstanceId | undefined,
    name: string,
    id: HealthCheckId,
  ): void {
    for (const other of this.checks.values()) {
      if (other.id === id || other.tenantId !== tenantId || other.instanceId !== instanceId) continue;
      if (other.name === name) throw new HealthCheckNameTakenError(name);
    }
  }
}

function byAge(a: Position, b: Position): number {
  return a.createdAt.getTime() - b.createdAt.getTime() || (a.id < b.id ? -1 : Number(a.id > b.id));
}
