import { Injectable } from '@nestjs/common';
import { requireClaims, requireCrossTenant, requireTenantAccess } from '../auth/claims.js';
import { everyItem, type Page, type PageQuery } from '../database/page.js';
import { Transactions } from '../database/transaction.js';
import { EventBus } from '../events/event-bus.js';
import { type TenantId } from '../ids/typed-id.js';
import { BrakeSetChangedError, NoBrakeError } from './brake.errors.js';
import { type Brake, type BrakedInstance, type BrakeState } from './brake.js';
import { BrakeRepository } from './brake.repository.js';
import { type PassBrake } from './pass-brake.js';
import { PassBrakes } from './pass-brakes.js';

/** What the brakes hold back, as a health check tells it. */
export interface BrakesHealth {
  /** `degraded` while a brake waits for a decision, or for its time. */
  status: 'ok' | 'degraded';
  /** Tenants in which nothing is deleted. */
  held: { tenantId: TenantId; state: BrakeState; orphans: number; examined: number }[];
  /** What passes hold back beside instances. */
  heldByPasses: Pick<PassBrake, 'id' | 'pass' | 'store' | 'tenantId' | 'state' | 'items'>[];
}

/**
 * The brakes of the garbage collector: shows what a brake holds back, and takes the decision on exactly that set.
 * Reading one tenant's takes claims that cover it, all else the system's over all tenants.
 */
@Injectable()
export class GarbageCollectorBrakes {
  constructor(
    private readonly brakes: BrakeRepository,
    private readonly passBrakes: PassBrakes,
    private readonly events: EventBus,
    private readonly transactions: Transactions,
  ) {}

  /** All of them, by tenant. */
  async list(query: PageQuery = {}): Promise<Page<Brake>> {
    requireCrossTenant();
    return this.brakes.listAcrossTenants(query);
  }

  /** Undefined when nothing is held back there. */
  async find(tenantId: TenantId): Promise<Brake | undefined> {
    requireTenantAccess(tenantId);
    return this.brakes.find(tenantId);
  }

  /** The instances of the set. */
  async instances(tenantId: TenantId, query: PageQuery = {}): Promise<Page<BrakedInstance>> {
    requireTenantAccess(tenantId);
    return this.brakes.instances(tenantId, query);
  }

  /**
   * Lets the next passes delete exactly that set.
   * @param set as it was shown
   * @throws NoBrakeError, BrakeSetChangedError
   */
  async confirm(tenantId: TenantId, set: string): Promise<Brake> {
    return this.decide(tenantId, set, 'confirmed');
  }

  /**
   * Keeps the set, and whatever takes its place, until it is confirmed or nothing is orphaned any more.
   * @param set as it was shown
   * @throws NoBrakeError, BrakeSetChangedError
   */
  async refuse(tenantId: TenantId, set: string): Promise<Brake> {
    return this.decide(tenantId, set, 'refused');
  }

  /** For a health check, which has no claims. Rejects when the store cannot be reached. */
  async health(): Promise<BrakesHealth> {
    const held: BrakesHealth['held'] = [];
    for await (const brake of everyItem((after) => this.brakes.listAcrossTenants({ after }))) {
      const { tenantId, state, orphans, examined } = brake;
      if (state !== 'confirmed') held.push({ tenantId, state, orphans, examined });
    }
    const heldByPasses: BrakesHealth['heldByPasses'] = [];
    for await (const brake of everyItem((after) => this.passBrakes.listAcrossTenants({ after }))) {
      const { id, pass, store, tenantId, state, items } = brake;
      if (state !== 'confirmed')
        heldByPasses.push({ id, pass, ...(store && { store }), ...(tenantId && { tenantId }), state, items });
    }
    return { status: held.length || heldByPasses.length ? 'degraded' : 'ok', held, heldByPasses };
  }

  private async decide(
    tenantId: TenantId,
    set: string,
    state: Exclude<BrakeState, 'engaged'>,
  ): Promise<Brake> {
    requireCrossTenant();
    const by = requireClaims().subject;
    return this.transactions.run(async () => {
      const before = await this.brakes.find(tenantId);
      if (!before) throw new NoBrakeError(tenantId);
      const brake = await this.brakes.decide(tenantId, set, state, by);
      if (!brake) throw new BrakeSetChangedError(tenantId, before.set);
      if (before.state === state) return brake;
      const type = state === 'confirmed' ? 'gc.brake_released' : 'gc.brake_refused';
      const reason = state === 'confirmed' ? { reason: 'confirmed' } : {};
      await this.events.publish({ type, tenantId, payload: { ...reason, set, orphans: brake.orphans, by } });
      return brake;
    });
  }
}
