import { messageOf } from '../../../../core/text/describe-error.js';
import { isTooMuch } from '../../../brakes/brake-rule.js';
import { forEachIsolated, type ItemFailure } from '../../../concurrency/for-each-isolated.js';
import { type TenantId } from '../../../ids/typed-id.js';
import { type Counts, inBatches } from '../../../concurrency/hand-out.js';
import {
  type BatchContext,
  type GarbagePass,
  type PassContext,
  type PassLimits,
  type PassReport,
  type PassScope,
} from './garbage-pass.js';

/**
 * Why something is garbage. `deleted`: what it belonged to was deleted, and the deletion is recorded. `lost`: what it belonged
 * to is gone without a record, as after `TRUNCATE` or with a restored backup; the brake holds it back. `expired`: a rule of its
 * own says that it is no longer kept, so that a large number of them is no sign of a loss.
 */
export type GarbageCause = 'deleted' | 'lost' | 'expired';

/** Something that may be removed. */
export interface Garbage {
  /** Identifies it within the pass. */
  readonly key: string;
  /** Whose it is; absent: nobody's. */
  readonly tenantId?: TenantId | undefined;
  readonly cause: GarbageCause;
}

/** The most garbage that a run holds of one pass; later runs find the rest. */
const MAX_HELD = 100_000;
/** How many are handed out at a time: as many removals take longer than it takes to hand them out. */
const BATCH = 50;
/** How many failures of a pass a run logs one by one. */
const SHOWN = 10;

/**
 * A pass over things that can be listed and removed one by one. The whole list is judged before anything is removed: what a
 * brake holds back stays, and a run removes no more than `limits.maxItems`. When the listing fails, nothing is removed.
 *
 * @publicApi
 */
export abstract class SweepPass<Item extends Garbage = Garbage> implements GarbagePass {
  abstract readonly name: string;
  abstract readonly description: string;
  readonly scope: PassScope = 'cluster';
  /**
   * The store that a pass with scope `replica` looks at. Each store has brakes of its own: if two replicas shared one, each
   * would replace the other's set, and no set would ever stay the same for long enough.
   */
  protected readonly store: string | undefined = undefined;
  /**
   * Whether other replicas may remove what a run has found, where the application has an engine for shards: JSON gives the items
   * back as they are, and `remove` works on every replica.
   */
  protected readonly distributed: boolean = false;
  /** How many are removed at a time. */
  protected readonly concurrency: number = 4;

  /**
   * All that is garbage and older than the grace period, page by page, in an order that stays the same. It throws when it
   * cannot give all.
   */
  protected abstract pages(limits: PassLimits, signal: AbortSignal): AsyncIterable<readonly Item[]>;

  /**
   * Removes it if it is still garbage; the statement that removes it has to check that. Repeating it is no error.
   * @returns whether it was removed: false when it is gone, or no longer garbage
   */
  protected abstract remove(item: Item, signal: AbortSignal): Promise<boolean>;

  /** How many things each tenant has, garbage or not: by this the brake says what is too much. Without it nothing is too much. */
  protected totals?(tenantIds: readonly (TenantId | undefined)[]): Promise<Map<TenantId | undefined, number>>;

  async run(context: PassContext): Promise<void> {
    const found = await this.find(context);
    if (context.dryRun) {
      for (const { key } of found.slice(0, SHOWN))
        context.logger.log(`Dry run: ${this.name} would remove ${key}`);
      return;
    }
    const allowed = await this.judge(found, context);
    await this.removeAll(allowed, context);
  }

  private async find({ limits, signal, report, logger }: PassContext): Promise<Item[]> {
    const found: Item[] = [];
    for await (const page of this.pages(limits, signal)) {
      signal.throwIfAborted();
      for (const item of page) found.push(item);
      if (found.length < MAX_HELD) continue;
      logger.warn(`${this.name}: found more than ${MAX_HELD}; the rest waits until these are gone`);
      break;
    }
    signal.throwIfAborted();
    report.found += found.length;
    return found;
  }

  /** What may be removed. What is lost, or too much, gets a brake first. */
  private async judge(found: readonly Item[], context: PassContext): Promise<Item[]> {
    const { brake, brakes, report, signal } = context;
    const place = { pass: this.name, store: this.store };
    const groups = byTenant(found);
    const suspects = await this.suspects(groups, context);
    const held = groups.size ? await context.heldTenants() : new Set<TenantId>();
    const allowed: Item[] = [];
    for (const [tenantId, items] of groups) {
      signal.throwIfAborted();
      if (tenantId !== undefined && held.has(tenantId)) {
        report.held += items.length;
        continue;
      }
      const cause = suspects.get(tenantId);
      if (!brake || !cause) {
        allowed.push(...items);
        continue;
      }
      const keys = items.map(({ key }) => key);
      const confirmed = await brakes.judge({ ...place, tenantId, cause, keys }, brake, context.logger);
      const free = items.filter(({ key }) => confirmed.has(key));
      report.held += items.length - free.length;
      allowed.push(...free);
    }
    await brakes.release(place, brake ? [...suspects.keys()] : []);
    context.progress();
    return allowed;
  }

  /** Tenants whose garbage needs a brake, and why. */
  private async suspects(
    groups: ReadonlyMap<TenantId | undefined, readonly Item[]>,
    { brake }: PassContext,
  ): Promise<Map<TenantId | undefined, 'lost' | 'share'>> {
    const suspects = new Map<TenantId | undefined, 'lost' | 'share'>();
    if (!brake) return suspects;
    const many = new Map<TenantId | undefined, number>();
    for (const [tenantId, items] of groups) {
      const orphaned = items.filter(({ cause }) => cause !== 'expired').length;
      if (items.some(({ cause }) => cause === 'lost')) suspects.set(tenantId, 'lost');
      else if (orphaned >= brake.minimum) many.set(tenantId, orphaned);
    }
    if (!many.size || !this.totals) return suspects;
    const totals = await this.totals([...many.keys()]);
    for (const [tenantId, orphaned] of many)
      if (isTooMuch({ examined: totals.get(tenantId) ?? orphaned, orphaned }, brake))
        suspects.set(tenantId, 'share');
    return suspects;
  }

  /** Removes those which no brake holds back by now, and reports what came of them. */
  async removeBatch(items: readonly unknown[], context: BatchContext): Promise<Counts> {
    const given = items as readonly Item[];
    const tenants = await context.heldTenants();
    const keys = await context.brakes.held(
      { pass: this.name, store: this.store },
      given.map(({ key }) => key),
    );
    const free = given.filter(
      ({ key, tenantId }) => !keys.has(key) && !(tenantId !== undefined && tenants.has(tenantId)),
    );
    const { removed, failures } = await this.removeSome(free, context);
    this.warn(failures, context);
    return { handled: given.length, held: given.length - free.length, removed, failed: failures.length };
  }

  /** In rounds of what the limit leaves: what fails again and again, or is already gone, uses up none of it. */
  private async removeAll(allowed: readonly Item[], context: PassContext): Promise<void> {
    const { report, limits, handOut } = context;
    const failures: ItemFailure<Item>[] = [];
    const before = { ...report };
    const isShared = this.distributed && handOut !== undefined && allowed.length > BATCH;
    const most = isShared ? Infinity : limits.pageSize;
    for (let next = 0; next < allowed.length && report.removed < limits.maxItems;) {
      const round = allowed.slice(next, next + Math.min(limits.maxItems - report.removed, most));
      next += round.length;
      if (isShared) await this.handOutAll(round, handOut, report);
      else {
        const ended = await this.removeSome(round, context, () => report.removed++);
        failures.push(...ended.failures);
        report.failed += ended.failures.length;
      }
      context.progress();
    }
    this.warn(failures, context);
    const failed = report.failed - before.failed;
    if (failed > 0 && report.removed === before.removed)
      throw new Error(
        `Not one of ${failed} could be removed: ${failures[0] ? messageOf(failures[0].error) : 'see the logs of the replicas'}`,
      );
  }

  private async handOutAll(
    items: readonly Item[],
    handOut: NonNullable<PassContext['handOut']>,
    report: PassReport,
  ): Promise<void> {
    const { counts } = await handOut(inBatches(items, BATCH));
    const { handled = 0, held = 0, removed = 0, failed = 0 } = counts;
    report.removed += removed;
    report.held += held;
    report.failed += failed + items.length - handled;
  }

  private async removeSome(
    items: readonly Item[],
    { signal }: Pick<PassContext, 'signal'>,
    onRemoved: () => void = () => {},
  ): Promise<{ removed: number; failures: readonly ItemFailure<Item>[] }> {
    let removed = 0;
    const options = { concurrency: this.concurrency, signal, key: ({ key }: Item) => key };
    const { failures } = await forEachIsolated(items, options, async (item, own) => {
      if (!(await this.remove(item, own))) return;
      removed++;
      onRemoved();
    });
    return { removed, failures };
  }

  private warn(failures: readonly ItemFailure<Item>[], { logger }: Pick<PassContext, 'logger'>): void {
    for (const { key, error } of failures.slice(0, SHOWN))
      logger.warn(`${this.name}: ${key} could not be removed: ${messageOf(error)}`);
  }
}

function byTenant<Item extends Garbage>(items: readonly Item[]): Map<TenantId | undefined, Item[]> {
  const groups = new Map<TenantId | undefined, Item[]>();
  for (const item of items) {
    const group = groups.get(item.tenantId);
    if (group) group.push(item);
    else groups.set(item.tenantId, [item]);
  }
  return groups;
}
