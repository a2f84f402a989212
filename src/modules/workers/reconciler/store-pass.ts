import { Injectable, type OnModuleDestroy, Optional } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { ShutdownDeadline } from '../../../core/scheduler/shutdown-deadline.js';
import { atMost } from '../../../core/timing/at-most.js';
import { SystemClock } from '../../../core/timing/clock.js';
import { forEachIsolated } from '../../concurrency/for-each-isolated.js';
import { type InstanceId, isId } from '../../ids/typed-id.js';
import { InstanceConvergence } from '../../instances/instance-convergence.js';
import {
  compare,
  type Drift,
  type Finding,
  isUnsettled,
  type Repair,
} from '../../instances/instance-drift.js';
import { InstanceNotRemovedError, UnknownInstanceError } from '../../instances/instance.errors.js';
import { type Instance } from '../../instances/instance.js';
import { InstanceRepository } from '../../instances/instance.repository.js';
import { type Provider, type ProviderInstance } from '../../providers/provider.js';
import { ProviderRegistry } from '../../providers/provider.registry.js';
import { ProviderStores } from '../../providers/provider-stores.js';
import { type DriftPolicy } from '../../workloads/workload.js';
import { DriftRepository, type DriftRow } from './drift.repository.js';
import { type ReconcilerSettings } from './reconciler.options.js';
import { RowAdoption } from './row-adoption.js';
import { StoreOrphans } from '../../store-orphans/store-orphans.js';

/** Milliseconds to let go of the stores; after that others wait until the holds end. */
const RELEASE_WITHIN = 2_000;

/** What would be done, or was. */
export interface PlannedRepair {
  instanceId: InstanceId;
  drift: Drift;
  repair: Repair | 'mark';
}

/** What the comparison of one store came to. */
export interface StoreReport {
  provider: string;
  store: string;
  /** Another replica holds the store: nothing was compared. */
  skipped?: true;
  instances: number;
  planned: PlannedRepair[];
  /** Those whose repair or removal failed. */
  failed: number;
  /** What the provider holds without a row. */
  withoutRow: InstanceId[];
  /** Those of them that have got their rows again. */
  adopted: InstanceId[];
  /** Those of them that were removed. */
  orphansRemoved: InstanceId[];
  /** Milliseconds until the next instance may be tried again; undefined when none waits. */
  wakeIn?: number;
}

/**
 * Compares the instances of one store with their rows, and repairs what differs. A unit of its own: idempotent, and
 * independent of every other store.
 *
 * **The order of reading.** Rows first, then the provider's list: an instance that was made in between is in the
 * list and not among the rows, which is nothing to act on; the other way round it would look missing. What differs
 * is read anew, row and provider, right before it is repaired, and each change of a row names what it was decided
 * on. For what has no row it is the other way round: the list first, then the rows (`StoreOrphans`).
 *
 * A provider that cannot be reached, or gives only part of its list, rejects: then nothing is concluded.
 */
@Injectable()
export class StorePass implements OnModuleDestroy {
  private readonly holder = randomUUID();
  /** Until when, by this process's monotonic clock, the store needs not be held anew. */
  private readonly held = new Map<string, number>();

  constructor(
    private readonly registry: ProviderRegistry,
    private readonly stores: ProviderStores,
    private readonly drift: DriftRepository,
    private readonly instances: InstanceRepository,
    private readonly convergence: InstanceConvergence,
    private readonly adoption: RowAdoption,
    private readonly orphans: StoreOrphans,
    @Optional() private readonly shutdown?: ShutdownDeadline,
  ) {}

  /** Nest waits for this before anything is drained: a database that does not answer must not hold that up. */
  async onModuleDestroy(): Promise<void> {
    if (this.held.size === 0) return;
    const released = this.drift.release(this.holder).catch(() => undefined);
    const within = this.shutdown?.begin().left(RELEASE_WITHIN) ?? RELEASE_WITHIN;
    await atMost(within, released, new SystemClock());
  }

  /** @param name of a registered provider */
  async reconcile(name: string, settings: ReconcilerSettings, signal: AbortSignal): Promise<StoreReport> {
    const provider = this.registry.get(name);
    const store = await this.stores.idOf(name, signal);
    const report: StoreReport = {
      provider: name,
      store,
      instances: 0,
      planned: [],
      failed: 0,
      withoutRow: [],
      adopted: [],
      orphansRemoved: [],
    };
    if (!settings.dryRun) {
      const heldFor = await this.hold(store, name, settings.storeTimeout);
      if (heldFor) return { ...report, skipped: true, wakeIn: heldFor };
    }
    const unplaced = !settings.dryRun && (await this.drift.hasUnplacedAcrossTenants(name));
    let rows = await this.drift.rowsAcrossTenants(store);
    const list = await provider.list(signal);
    signal.throwIfAborted();
    const listed = new Map(list.map((instance) => [instance.instanceId, instance]));
    if (unplaced && (await this.drift.adoptAcrossTenants(store, name, [...listed.keys()])))
      rows = await this.drift.rowsAcrossTenants(store);
    report.instances = rows.length;
    const due = this.findings(rows, listed, report);
    if (due.length) await this.repairAll(due, listed, report, settings, signal);
    await this.removeOrphans(provider, rows, list, report, settings, signal);
    return report;
  }

  /** Those that differ and need not wait. */
  private findings(
    rows: readonly DriftRow[],
    listed: ReadonlyMap<InstanceId, ProviderInstance>,
    report: StoreReport,
  ): InstanceId[] {
    const due: InstanceId[] = [];
    for (const row of rows) {
      if (!compare(row, listed.get(row.id))) continue;
      if (row.wait > 0) wake(report, row.wait);
      else due.push(row.id);
    }
    return due;
  }

  private async removeOrphans(
    provider: Provider,
    rows: readonly DriftRow[],
    list: readonly ProviderInstance[],
    report: StoreReport,
    settings: ReconcilerSettings,
    signal: AbortSignal,
  ): Promise<void> {
    const known = new Set(rows.map(({ id }) => id));
    const findings = await this.orphans.find(known, list);
    report.withoutRow = findings.withoutRow.map(({ instanceId }) => instanceId);
    if (settings.dryRun) return;
    const adopted = await this.adopt(provider.info().name, findings.withoutRow, report, settings, signal);
    const left = findings.withoutRow.filter(({ instanceId }) => !adopted.has(instanceId));
    const { removed, failed } = await this.orphans.remove(
      report.store,
      provider,
      { rows: findings.rows + adopted.size, withoutRow: left },
      settings,
      signal,
    );
    report.orphansRemoved = removed;
    report.failed += failed;
  }

  private async adopt(
    name: string,
    withoutRow: readonly ProviderInstance[],
    report: StoreReport,
    { backoff, concurrency, instanceTimeout }: ReconcilerSettings,
    signal: AbortSignal,
  ): Promise<Set<InstanceId>> {
    const adopted = await this.adoption.adopt(name, withoutRow, signal);
    report.adopted = adopted.map(({ id }) => id);
    const options = { concurrency, timeout: instanceTimeout, signal };
    // What fails is compared again by the next pass, as any other row.
    await forEachIsolated(adopted, options, (instance, own) =>
      this.convergence.converge(instance, { backoff, signal: own }),
    );
    return new Set(report.adopted);
  }

  private async repairAll(
    ids: readonly InstanceId[],
    listed: ReadonlyMap<InstanceId, ProviderInstance>,
    report: StoreReport,
    settings: ReconcilerSettings,
    signal: AbortSignal,
  ): Promise<void> {
    const due = await this.instances.findAllAcrossTenants(ids);
    const workloads = due.flatMap(({ workloadId }) => (isId('workload', workloadId) ? [workloadId] : []));
    const policies = await this.drift.policiesAcrossTenants(workloads);
    const options = { concurrency: settings.concurrency, timeout: settings.instanceTimeout, signal };
    const { failures } = await forEachIsolated(due, options, async (instance, own) => {
      const policy = instance.workloadId && policies.get(instance.workloadId);
      const after = await this.handle(instance, policy, listed.get(instance.id), report, settings, own);
      if (!after?.nextAttemptAt) return;
      report.failed++;
      wake(report, Math.max(0, Number(after.nextAttemptAt) - Number(after.updatedAt)));
    });
    for (const { error, item } of failures) {
      if (error instanceof UnknownInstanceError) continue; // it was deleted meanwhile
      report.failed++;
      if (!(error instanceof InstanceNotRemovedError))
        await this.convergence.noteFailure(item, error, settings.backoff);
    }
  }

  private async handle(
    instance: Instance,
    policy: DriftPolicy | undefined,
    listed: ProviderInstance | undefined,
    report: StoreReport,
    settings: ReconcilerSettings,
    signal: AbortSignal,
  ): Promise<Instance | undefined> {
    const finding = compare({ ...instance, unsettled: isUnsettled(instance) }, listed);
    if (!finding) return undefined;
    const isLeftAlone = policy !== undefined && policy !== 'restart' && isUnasked(instance, finding);
    if (isLeftAlone && (policy === 'ignore' || instance.state !== 'running')) return undefined;
    if (finding.repair !== 'note')
      report.planned.push({
        instanceId: instance.id,
        drift: finding.drift,
        repair: isLeftAlone ? 'mark' : finding.repair,
      });
    if (settings.dryRun) return undefined;
    if (isLeftAlone) return void (await this.convergence.mark(instance, signal));
    return this.convergence.converge(instance, { backoff: settings.backoff, signal });
  }

  /**
   * A pass ends within `timeout` milliseconds. It is held for twice as long, and half of that later a pass holds it
   * anew before it begins: so none goes on after another replica could hold it.
   * @returns for how many milliseconds another replica still holds it; 0: this replica does
   */
  private async hold(store: string, name: string, timeout: number): Promise<number> {
    const now = performance.now();
    if ((this.held.get(store) ?? 0) > now) return 0;
    // A store that only one replica can reach is held in its own name: a replica that was killed must not keep its
    // successor waiting.
    const holder = this.registry.get(name).info().shared ? this.holder : store;
    const heldFor = await this.drift.hold(store, name, holder, 2 * timeout);
    if (heldFor === 0) this.held.set(store, now + timeout);
    return heldFor;
  }
}

/** Whether the difference was not requested: it ran, and does not. */
function isUnasked({ requestedAt, state }: Instance, { drift }: Finding): boolean {
  const hasEnded = drift === 'missing' || drift === 'exited' || drift === 'stopped';
  return hasEnded && !requestedAt && (state === 'running' || state === 'failed');
}

function wake(report: StoreReport, wait: number): void {
  report.wakeIn = Math.min(report.wakeIn ?? Infinity, wait);
}
