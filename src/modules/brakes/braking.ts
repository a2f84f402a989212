import { Injectable, type Logger } from '@nestjs/common';
import { type RunContext } from '../../core/worker/run-context.js';
import { everyItem } from '../database/page.js';
import { Transactions } from '../database/transaction.js';
import { EventBus } from '../events/event-bus.js';
import { type TenantId } from '../ids/typed-id.js';
import { type Brake, type BrakeCause, type BrakeState, type OrphanShare } from './brake.js';
import { reachesShare, isTooMuch } from './brake-rule.js';
import { BrakeRepository } from './brake.repository.js';
import { type BrakeSettings } from './brake.options.js';

/** Instances that an event names; `GarbageCollectorBrakes` gives all of them. */
const SHOWN = 20;

/** What a tick found in one tenant. */
export interface TenantFinding extends OrphanShare {
  tenantId: TenantId;
  /** Whether there is anything that would be deleted. */
  deletable: boolean;
  /** Whether something of that was lost, as far as is recorded, and not deleted. */
  lost?: 'lost_workloads' | 'lost_tenant';
}

/** By what rule a worker deletes. */
export interface BrakingRule {
  /** False: nothing is held back. */
  readonly brake: BrakeSettings | false;
  /** Nothing is deleted anyway, and no brake changes. */
  readonly dryRun: boolean;
  /** Younger instances are in no set; milliseconds. */
  readonly olderThan: number;
}

export interface BrakingContext {
  readonly signal: AbortSignal;
  readonly logger: Pick<Logger, 'warn'>;
}

/** The brakes as one tick knows them. */
export interface TickBrakes {
  readonly rule: BrakingRule;
  readonly states: Map<TenantId, BrakeState>;
  /** All that the tick has examined so far. */
  readonly all: OrphanShare;
}

/** Engages brakes, watches over them from tick to tick, and tells what becomes of them. */
@Injectable()
export class Braking {
  /**
   * Whether a worker compares all brakes from tick to tick, as the garbage collector does. Two that did so by
   * different rules would see different sets in turn, and none would ever be the same for long enough.
   */
  observed = false;

  constructor(
    private readonly brakes: BrakeRepository,
    private readonly events: EventBus,
    private readonly transactions: Transactions,
  ) {}

  /** Compares every brake with what is orphaned now. A dry run changes none. */
  async observe(rule: BrakingRule, context: RunContext): Promise<TickBrakes> {
    const states = new Map<TenantId, BrakeState>();
    for await (const brake of everyItem((after) => this.brakes.listAcrossTenants({ after }))) {
      context.signal.throwIfAborted();
      const state = rule.dryRun ? brake.state : await this.observeOne(brake, rule, context);
      if (state) states.set(brake.tenantId, state);
    }
    return { rule, states, all: { examined: 0, orphaned: 0 } };
  }

  /** Compares the brakes of those tenants alone, if no worker compares all of them. */
  async observeOf(tenantIds: Iterable<TenantId>, rule: BrakingRule, context: BrakingContext): Promise<void> {
    if (this.observed) return;
    for (const tenantId of tenantIds) {
      const brake = await this.brakes.find(tenantId);
      if (brake) await this.observeOne(brake, rule, context);
    }
  }

  /**
   * Engages the brake in every tenant that has anything to delete, if something of it was lost, or too much of it, or of
   * all tenants together, looks orphaned. To be called before anything of these findings is deleted.
   */
  async judge(findings: readonly TenantFinding[], brakes: TickBrakes, context: RunContext): Promise<void> {
    const { brake: rule, dryRun } = brakes.rule;
    if (!rule || dryRun) return;
    const free: TenantId[] = [];
    for (const found of findings) {
      const share = await this.shareOf(found, rule, brakes, context);
      brakes.all.examined += share.examined;
      brakes.all.orphaned += share.orphaned;
      if (!found.deletable || brakes.states.has(found.tenantId)) continue;
      if (found.lost) await this.engage(found.tenantId, found.lost, brakes, context);
      else if (isTooMuch(share, rule)) await this.engage(found.tenantId, 'tenant', brakes, context);
      else free.push(found.tenantId);
    }
    if (free.length === 0) return;
    const cause = isTooMuch(brakes.all, rule) ? 'all_tenants' : await this.noWorkloads();
    if (cause) for (const tenantId of free) await this.engage(tenantId, cause, brakes, context);
  }

  /** A tick examines a part of a large tenant, and its oldest may all be of one workload among hundreds. */
  private async shareOf(
    found: TenantFinding,
    { share }: BrakeSettings,
    { states, rule: { olderThan } }: TickBrakes,
    context: RunContext,
  ): Promise<OrphanShare> {
    if (!found.deletable || !reachesShare(found, share)) return found;
    try {
      return await this.brakes.share(found.tenantId, olderThan);
    } catch (error) {
      context.signal.throwIfAborted();
      context.logger.warn(`${found.tenantId}: nothing is deleted in this pass: ${(error as Error).message}`);
      states.set(found.tenantId, 'engaged');
      return found;
    }
  }

  /** A control plane that runs something has a workload; without any the table is likelier lost than outdated. */
  private async noWorkloads(): Promise<BrakeCause | undefined> {
    return (await this.brakes.hasWorkloadsAcrossTenants()) ? undefined : 'no_workloads';
  }

  private async engage(
    tenantId: TenantId,
    cause: BrakeCause,
    { states, rule }: TickBrakes,
    context: RunContext,
  ): Promise<void> {
    context.signal.throwIfAborted();
    states.set(tenantId, 'engaged'); // also when this fails: what could not be judged is not deleted
    await this.engageOn(tenantId, cause, rule, context.logger);
  }

  /** Engages the brake on what there is in the tenant now, unless there is one already, and tells so. */
  async engageOn(
    tenantId: TenantId,
    cause: BrakeCause,
    { brake: rule, olderThan }: BrakingRule,
    logger: Pick<Logger, 'warn'>,
  ): Promise<void> {
    await this.transactions.run(async () => {
      const brake = await this.brakes.engage(tenantId, cause, olderThan);
      if (!brake) return;
      const { orphans, examined, set } = brake;
      const { items } = await this.brakes.instances(tenantId, { limit: SHOWN });
      logger.warn(
        `${tenantId}: ${orphans} of ${examined} instances look orphaned (${REASONS[cause]}); nothing is deleted there until that is confirmed`,
      );
      const instances = items.map(({ instanceId }) => instanceId);
      const confirmAfterMs = rule ? rule.confirmAfter : 0;
      const payload = { cause, orphans, examined, set, confirmAfterMs, instances };
      await this.events.publish({ type: 'gc.brake_engaged', tenantId, payload });
    });
  }

  /** @returns the state that the tick has to respect; undefined when there is no brake any more */
  private async observeOne(
    brake: Brake,
    { brake: rule, olderThan }: BrakingRule,
    context: BrakingContext,
  ): Promise<BrakeState | undefined> {
    const { tenantId } = brake;
    if (!rule && (brake.cause === 'lost_rows' || brake.cause === 'unknown_tenant')) return brake.state;
    if (!rule) {
      await this.transactions.run(async () => {
        if (await this.brakes.remove(tenantId)) await this.tellReleased(brake, 'turned_off');
      });
      return undefined;
    }
    try {
      return await this.transactions.run(async () => {
        const seen = await this.brakes.observe(tenantId, { olderThan, confirmAfter: rule.confirmAfter });
        if (seen.released) await this.tellReleased(seen.brake ?? brake, seen.released);
        if (seen.brake && seen.brake.set !== brake.set && seen.brake.state === 'engaged')
          context.logger.warn(`${tenantId}: other instances look orphaned than before; the brake waits anew`);
        return seen.brake?.state;
      });
    } catch (error) {
      context.signal.throwIfAborted();
      context.logger.warn(`${tenantId}: the brake stays as it is: ${(error as Error).message}`);
      return 'engaged';
    }
  }

  private async tellReleased(
    { tenantId, set, orphans }: Brake,
    reason: 'confirmed' | 'recovered' | 'turned_off',
  ): Promise<void> {
    const payload = { reason, set, orphans, by: 'system:worker' };
    await this.events.publish({ type: 'gc.brake_released', tenantId, payload });
  }
}

const REASONS: Record<BrakeCause, string> = {
  lost_workloads: 'their workloads are gone, and nobody has deleted them',
  lost_tenant: 'the tenant is gone before them',
  lost_rows: 'their rows are gone, and nobody has deleted them',
  unknown_tenant: 'this database has nothing of their tenant',
  tenant: 'too many of this tenant',
  all_tenants: 'too many of all tenants together',
  no_workloads: 'there is no workload at all',
};
