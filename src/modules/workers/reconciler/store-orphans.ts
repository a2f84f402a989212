import { Injectable, Logger } from '@nestjs/common';
import { forEachIsolated } from '../../concurrency/for-each-isolated.js';
import { EventBus } from '../../events/event-bus.js';
import { type InstanceId, isId } from '../../ids/typed-id.js';
import { messageOf } from '../../instances/instance-failure.js';
import { InstanceRepository } from '../../instances/instance.repository.js';
import { LABELS, type Provider, type ProviderInstance } from '../../providers/provider.js';
import { type ReconcilerSettings } from './reconciler.options.js';

/** What one pass found of what a store holds without a row. */
export interface OrphanFindings {
  /** All of it. */
  withoutRow: InstanceId[];
  /** Those that were without one on an earlier pass as well, for long enough. */
  due: ProviderInstance[];
  /** Too much is without a row: that looks like lost rows, and nothing is removed. */
  held: boolean;
}

interface Memory {
  /** When, by this process's monotonic clock, each was first without a row. */
  since: Map<InstanceId, number>;
  held: boolean;
}

/**
 * What a store holds and no row knows, such as an instance whose row was deleted by hand. A row is written before its
 * provider is asked for anything and goes after the provider has removed it, so nothing of ours looks like this for
 * long.
 *
 * It is removed when it was without a row on two passes that are `orphanGracePeriod` apart, and on each one between:
 * a pass compares the list with rows that are read after it. What another control plane might own stays: everything in
 * a store that several may reach, and what is labelled `ctrlplane.gc: protect`. Lost rows look the same, as after a
 * restored backup: when no row of the store is left, or more than half of ten and more have none, nothing is removed.
 */
@Injectable()
export class StoreOrphans {
  private readonly logger = new Logger('Reconciler');
  private readonly stores = new Map<string, Memory>();

  constructor(
    private readonly instances: InstanceRepository,
    private readonly events: EventBus,
  ) {}

  /**
   * @param known the store's rows
   * @param list everything that the provider holds, read before any row that this reads
   */
  async find(
    store: string,
    known: ReadonlySet<InstanceId>,
    list: readonly ProviderInstance[],
    { orphanGracePeriod }: ReconcilerSettings,
  ): Promise<OrphanFindings> {
    const strangers = list.filter(({ instanceId: id }) => !known.has(id) && isId('instance', id));
    const memory = this.stores.get(store);
    if (!strangers.length && !memory) return { withoutRow: [], due: [], held: false };
    const ids = strangers.map(({ instanceId }) => instanceId);
    const found = await this.instances.findAllAcrossTenants(ids);
    const rows = new Set(found.map(({ id }) => id));
    const orphans = strangers.filter(({ instanceId }) => !rows.has(instanceId));
    const now = performance.now();
    const since = new Map<InstanceId, number>();
    for (const { instanceId } of orphans) since.set(instanceId, memory?.since.get(instanceId) ?? now);
    this.stores.set(store, { since, held: memory?.held ?? false });
    const due = orphans.filter(({ instanceId, labels }) => {
      const first = memory?.since.get(instanceId);
      return first !== undefined && now - first >= orphanGracePeriod && labels[LABELS.gc] !== 'protect';
    });
    return {
      withoutRow: orphans.map(({ instanceId }) => instanceId),
      due,
      held: orphans.length > 0 && looksLikeLostRows(orphans.length, known.size),
    };
  }

  /** @returns those that were removed, and how many could not be: they are tried again on the next pass */
  async remove(
    store: string,
    provider: Provider,
    { due, held, withoutRow }: OrphanFindings,
    { concurrency, instanceTimeout }: ReconcilerSettings,
    signal: AbortSignal,
  ): Promise<{ removed: InstanceId[]; failed: number }> {
    const { name, shared } = provider.info();
    await this.tellHeld(store, name, held && due.length > 0, withoutRow);
    if (held || shared || !due.length) return { removed: [], failed: 0 };
    const removed: InstanceId[] = [];
    const options = { concurrency, timeout: instanceTimeout, signal };
    const { failures } = await forEachIsolated(due, options, async ({ instanceId, tenantId }, own) => {
      // Once more, right before: its row may have been restored since the list was read.
      if ((await this.instances.findAllAcrossTenants([instanceId])).length) return;
      await provider.deprovision(instanceId, own);
      removed.push(instanceId);
      const payload = { instanceId, provider: name, store };
      await this.events.publish({ type: 'instance.orphan_removed', tenantId, payload });
    });
    for (const { item, error } of failures)
      this.logger.warn(`${item.instanceId} has no row, and was not removed: ${messageOf(error)}`);
    return { removed, failed: failures.length };
  }

  private async tellHeld(
    store: string,
    provider: string,
    held: boolean,
    withoutRow: readonly InstanceId[],
  ): Promise<void> {
    const memory = this.stores.get(store);
    if (!memory || memory.held === held) return;
    memory.held = held;
    if (!held) return;
    const payload = { provider, store, orphans: withoutRow.length, instances: withoutRow.slice(0, SHOWN) };
    await this.events.publish({ type: 'provider.orphans_held', payload });
  }
}

/** Instances that an event names. */
const SHOWN = 20;

/** As with the brake of the garbage collector. */
const MINIMUM = 10;

function looksLikeLostRows(orphans: number, rows: number): boolean {
  return rows === 0 || (orphans >= MINIMUM && orphans > rows);
}
