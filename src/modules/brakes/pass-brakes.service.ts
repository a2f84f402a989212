import { Injectable } from '@nestjs/common';
import { requireClaims, requireCrossTenant } from '../auth/claims.js';
import { type Page, type PageQuery } from '../database/page.js';
import { Transactions } from '../database/transaction.js';
import { EventBus } from '../events/event-bus.js';
import { NoPassBrakeError, PassBrakeSetChangedError } from './brake.errors.js';
import { type BrakeState } from './brake.js';
import { type PassBrake } from './pass-brake.js';
import { PassBrakes } from './pass-brakes.js';

/**
 * What the passes of the garbage collector hold back beside instances: shows it, and takes the decision on exactly that set.
 * Takes the system's claims over all tenants.
 */
@Injectable()
export class GarbageCollectorPassBrakes {
  constructor(
    private readonly brakes: PassBrakes,
    private readonly events: EventBus,
    private readonly transactions: Transactions,
  ) {}

  /** All of them, by id. */
  async list(query: PageQuery = {}): Promise<Page<PassBrake>> {
    requireCrossTenant();
    return this.brakes.listAcrossTenants(query);
  }

  /** Undefined when nothing is held back by it. */
  async find(id: string): Promise<PassBrake | undefined> {
    requireCrossTenant();
    return this.brakes.find(id);
  }

  /** The keys of all that is in the set: ids, or names of volumes, or what a pass of one's own gives. */
  async keys(id: string, query: PageQuery = {}): Promise<Page<string>> {
    requireCrossTenant();
    return this.brakes.keys(id, query);
  }

  /**
   * Lets the next runs remove exactly that set.
   * @param set as it was shown
   * @throws NoPassBrakeError, PassBrakeSetChangedError
   */
  async confirm(id: string, set: string): Promise<PassBrake> {
    return this.decide(id, set, 'confirmed');
  }

  /**
   * Keeps the set, and whatever takes its place, until it is confirmed or nothing looks wrong any more.
   * @param set as it was shown
   * @throws NoPassBrakeError, PassBrakeSetChangedError
   */
  async refuse(id: string, set: string): Promise<PassBrake> {
    return this.decide(id, set, 'refused');
  }

  private async decide(id: string, set: string, state: Exclude<BrakeState, 'engaged'>): Promise<PassBrake> {
    requireCrossTenant();
    const by = requireClaims().subject;
    return this.transactions.run(async () => {
      const before = await this.brakes.find(id);
      if (!before) throw new NoPassBrakeError(id);
      const brake = await this.brakes.decide(id, set, state, by);
      if (!brake) throw new PassBrakeSetChangedError(before.pass, id, before.set);
      if (before.state === state) return brake;
      const { pass, store, tenantId, items } = brake;
      const type = state === 'confirmed' ? 'gc.pass_released' : 'gc.pass_refused';
      const reason = state === 'confirmed' ? { reason: 'confirmed' } : {};
      const payload = { pass, ...(store && { store }), ...reason, set, items, by };
      await this.events.publish({ type, tenantId, payload });
      return brake;
    });
  }
}
