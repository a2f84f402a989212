import { Injectable, Logger } from '@nestjs/common';
import { isTooMuch } from '../brakes/brake-rule.js';
import { BrakeRepository, type RowlessInstance } from '../brakes/brake.repository.js';
import { Braking } from '../brakes/braking.js';
import { forEachIsolated } from '../concurrency/for-each-isolated.js';
import { EventBus } from '../events/event-bus.js';
import { type InstanceId, isId, type TenantId } from '../ids/typed-id.js';
import { messageOf } from '../../core/text/describe-error.js';
import { InstanceRepository } from '../instances/instance.repository.js';
import { LABELS, type Provider, type ProviderInstance } from '../providers/provider.js';
import { type BrakeSettings } from '../brakes/brake.options.js';

/** What one pass found of what a store holds without a row. */
export interface OrphanFindings {
  /** All of it. */
  withoutRow: ProviderInstance[];
  /** How many rows the store has. */
  rows: number;
}

/** The rule by which it is removed; durations in milliseconds. */
export interface StoreOrphanRule {
  readonly brake: BrakeSettings | false;
  /** How long it must have been without a row. */
  readonly orphanGracePeriod: number;
  readonly concurrency: number;
  /** What removing one may take. */
  readonly instanceTimeout: number;
  /** The most that are removed in a pass. Default no limit. */
  readonly maxInstances?: number;
}

/** When, by this process's monotonic clock, each was first without a row. */
type Memory = Map<InstanceId, number>;

/**
 * What a store holds and no row knows. A row is written before its provider is asked for anything and goes after the
 * provider has removed it, so nothing of ours looks like this for long.
 *
 * It was deleted, as is recorded, and its provider has not let go of it: then it is removed when it was without a row on
 * two passes that are `orphanGracePeriod` apart, and on each one between: a pass compares the list with rows that are read
 * after it. Or its row is lost, as after `TRUNCATE` or with a backup from before: what was not adopted (`RowAdoption`) is
 * held back by the brake of its tenant, and so is everything when too much of the store has no row.
 *
 * What another control plane might own stays: everything that was not deleted here in a store that several may reach, what has
 * the label `ctrlplane.gc: protect`, what names no tenant, and, until somebody decides, what names a tenant of whom this
 * database has nothing.
 */
@Injectable()
export class StoreOrphans {
  private readonly logger = new Logger('StoreOrphans');
  private readonly stores = new Map<string, Memory>();
  /** Stores of which nothing is noted; at first there may be something of an earlier run. */
  private readonly clean = new Set<string>();
  private readonly toldNameless = new Set<string>();

  constructor(
    private readonly instances: InstanceRepository,
    private readonly brakes: BrakeRepository,
    private readonly braking: Braking,
    private readonly events: EventBus,
  ) {}

  /**
   * @param known the store's rows
   * @param list everything that the provider holds, read before any row that this reads
   */
  async find(known: ReadonlySet<InstanceId>, list: readonly ProviderInstance[]): Promise<OrphanFindings> {
    const rows = known.size;
    const strangers = list.filter(({ instanceId: id }) => !known.has(id) && isId('instance', id));
    if (!strangers.length) return { withoutRow: [], rows };
    const ids = strangers.map(({ instanceId }) => instanceId);
    const found = new Set((await this.instances.findAllAcrossTenants(ids)).map(({ id }) => id));
    return { withoutRow: strangers.filter(({ instanceId }) => !found.has(instanceId)), rows };
  }

  /** @returns those that were removed, and how many could not be: they are tried again on the next pass */
  async remove(
    store: string,
    provider: Provider,
    findings: OrphanFindings,
    settings: StoreOrphanRule,
    signal: AbortSignal,
  ): Promise<{ removed: InstanceId[]; failed: number }> {
    const due = this.remember(store, findings.withoutRow, settings);
    const { name, shared } = provider.info();
    const ours = shared ? await this.recorded(findings) : findings;
    const { maxInstances = Infinity } = settings;
    const allowed = await this.allowed(store, name, ours, due, settings, signal);
    const removed: InstanceId[] = [];
    const { concurrency, instanceTimeout } = settings;
    const options = { concurrency, timeout: instanceTimeout, signal };
    const remove = async ({ instanceId, tenantId }: ProviderInstance, own: AbortSignal): Promise<void> => {
      // Once more, right before: its row may have been restored since the list was read.
      if ((await this.instances.findAllAcrossTenants([instanceId])).length) return;
      await provider.deprovision(instanceId, own);
      removed.push(instanceId);
      const payload = { instanceId, provider: name, store };
      await this.events.publish({ type: 'instance.orphan_removed', tenantId, payload });
    };
    let failed = 0;
    // In rounds of what the limit leaves: what fails again and again uses up none of it.
    for (let next = 0; next < allowed.length && removed.length < maxInstances;) {
      const round = allowed.slice(next, next + maxInstances - removed.length);
      next += round.length;
      const { failures } = await forEachIsolated(round, options, remove);
      for (const { item, error } of failures)
        this.logger.warn(`${item.instanceId} has no row, and was not removed: ${messageOf(error)}`);
      failed += failures.length;
    }
    return { removed, failed };
  }

  /** Of a store that several may reach, what was deleted here: all else may be another control plane's. */
  private async recorded({ withoutRow, rows }: OrphanFindings): Promise<OrphanFindings> {
    if (!withoutRow.length) return { withoutRow: [], rows };
    const ids = withoutRow.map(({ instanceId }) => instanceId);
    const deleted = new Set(await this.instances.deletedAcrossTenants(ids));
    return { withoutRow: withoutRow.filter(({ instanceId }) => deleted.has(instanceId)), rows };
  }

  /** @returns those that were without a row on an earlier pass as well, for long enough */
  private remember(
    store: string,
    withoutRow: readonly ProviderInstance[],
    { orphanGracePeriod }: StoreOrphanRule,
  ): Set<InstanceId> {
    const before = this.stores.get(store);
    if (!withoutRow.length && !before) return new Set();
    const now = performance.now();
    const since: Memory = new Map();
    const due = new Set<InstanceId>();
    for (const { instanceId } of withoutRow) {
      const first = before?.get(instanceId);
      since.set(instanceId, first ?? now);
      if (first !== undefined && now - first >= orphanGracePeriod) due.add(instanceId);
    }
    if (since.size) this.stores.set(store, since);
    else this.stores.delete(store);
    return due;
  }

  /** What may be removed now. What is lost, or too much, gets a brake first. */
  private async allowed(
    store: string,
    provider: string,
    { withoutRow, rows }: OrphanFindings,
    due: ReadonlySet<InstanceId>,
    settings: StoreOrphanRule,
    signal: AbortSignal,
  ): Promise<ProviderInstance[]> {
    if (!withoutRow.length && this.clean.has(store)) return [];
    const unprotected = withoutRow.filter(({ labels }) => labels[LABELS.gc] !== 'protect');
    const lost = new Set(
      await this.instances.lostAcrossTenants(unprotected.map(({ instanceId }) => instanceId)),
    );
    const isDue = ({ instanceId }: ProviderInstance) => due.has(instanceId);
    const { brake } = settings;
    if (!brake) return unprotected.filter(isDue);
    const named = unprotected.flatMap((listed) => {
      const rowless = toRowless(listed);
      return rowless ? [{ listed, rowless }] : [];
    });
    const nameless = unprotected.filter((listed) => !toRowless(listed));
    const isLost = ({ instanceId }: { instanceId: InstanceId }) => lost.has(instanceId);
    await this.tellNameless(store, provider, nameless.filter(isLost));
    const deleted = nameless.filter((listed) => isDue(listed) && !isLost(listed));
    const rule = { brake, dryRun: false, olderThan: settings.orphanGracePeriod };
    const context = { signal, logger: this.logger };
    const rowless = named.map((each) => each.rowless);
    const tenants = await this.brakes.noteRowless(store, rowless);
    if (!named.length) {
      await this.braking.observeOf(tenants, rule, context);
      this.clean.add(store);
      return deleted;
    }
    this.clean.delete(store);
    const unknown = new Set(await this.brakes.unknownTenantsAcrossTenants(tenants));
    const tooMuch = isTooMuch({ examined: rows + withoutRow.length, orphaned: withoutRow.length }, brake);
    for (const tenantId of tenants) {
      signal.throwIfAborted();
      const own = rowless.filter((each) => each.tenantId === tenantId);
      const hasLost = own.some(isLost);
      if (!own.length || !(hasLost || tooMuch)) continue;
      const cause = !hasLost ? 'tenant' : unknown.has(tenantId) ? 'unknown_tenant' : 'lost_rows';
      await this.braking.engageOn(tenantId, cause, rule, this.logger);
    }
    await this.braking.observeOf(tenants, rule, context);
    const verdicts = await this.brakes.verdictsAcrossTenants(rowless);
    const allowed = named.filter(({ listed }) => {
      const verdict = verdicts.get(listed.instanceId);
      return verdict === 'confirmed' || (verdict === undefined && isDue(listed));
    });
    return [...deleted, ...allowed.map(({ listed }) => listed)];
  }

  private async tellNameless(
    store: string,
    provider: string,
    nameless: readonly ProviderInstance[],
  ): Promise<void> {
    if (!nameless.length) return void this.toldNameless.delete(store);
    if (this.toldNameless.has(store)) return;
    this.toldNameless.add(store);
    const instances = nameless.slice(0, SHOWN).map(({ instanceId }) => instanceId);
    const payload = { provider, store, orphans: nameless.length, instances };
    await this.events.publish({ type: 'provider.orphans_held', payload });
  }
}

/** Instances that an event names. */
const SHOWN = 20;

/** Undefined where it does not say whose it is: it may be broken, or anybody's. */
function toRowless({ instanceId, tenantId, labels }: ProviderInstance): RowlessInstance | undefined {
  if (!tenantId || !isId('tenant', tenantId)) return undefined;
  const workloadId = labels[LABELS.workload];
  return {
    instanceId,
    tenantId: tenantId satisfies TenantId,
    workloadId: isId('workload', workloadId) ? workloadId : '',
  };
}
