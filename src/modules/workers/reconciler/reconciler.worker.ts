import { Inject, Injectable } from '@nestjs/common';
import { RunContext, ShardContext, type ShardMethod } from '../../../core/worker/run-context.js';
import { Shard } from '../../../core/worker/shard.decorator.js';
import { Interval } from '../../../core/worker/interval.decorator.js';
import { withSystemClaims } from '../../auth/claims.js';
import { BootstrapServices } from '../../bootstrap/bootstrap.service.js';
import { forEachIsolated, type IsolatedSummary } from '../../concurrency/for-each-isolated.js';
import { handOut, report } from '../../concurrency/hand-out.js';
import { type Datacenter } from '../../datacenters/datacenter.js';
import { DatacenterRepository } from '../../datacenters/datacenter.repository.js';
import { type DatacenterId, type TenantId } from '../../ids/typed-id.js';
import { InstanceEvents } from '../../instances/instance-events.js';
import { InstancesElsewhereError } from '../../instances/instance.errors.js';
import { InstanceRepository } from '../../instances/instance.repository.js';
import { UnknownWorkloadError } from '../../workloads/workload.errors.js';
import { WorkloadsService } from '../../workloads/workloads.service.js';
import { DriftRepository, type UnconvergedWorkload } from './drift.repository.js';
import {
  RECONCILER_OPTIONS,
  type ReconcilerOptions,
  type ReconcilerSettings,
  reconcilerSettings,
} from './reconciler.options.js';
import { ReconcilerWake } from './reconciler-wake.js';

/** Time to the next step, in milliseconds, while something is in progress: a rollout, a bootstrap service. */
const NEXT_STEP = 1_000;

/** What happened that there may be something to do at once. */
const EVENTS = [
  'deployment.started',
  'workload.resumed',
  'datacenter.created',
  'datacenter.status_changed',
  'datacenter.bootstrap_changed',
];

/** What one shard reconciles. */
interface Unit<Id> {
  readonly tenantId: TenantId;
  readonly id: Id;
}

/**
 * Carries on what takes more than one call: rolling updates, workloads with too few or too many instances, deletions
 * that were begun, bootstrap services of all datacenters. Each datacenter and each workload is a unit of its own:
 * idempotent, and independent of every other. Once in the cluster; what a store holds is for `instance_drift`.
 */
@Injectable()
export class Reconciler {
  readonly settings: ReconcilerSettings;

  constructor(
    @Inject(RECONCILER_OPTIONS) options: ReconcilerOptions,
    private readonly datacenters: DatacenterRepository,
    private readonly bootstraps: BootstrapServices,
    private readonly workloads: WorkloadsService,
    private readonly drift: DriftRepository,
    private readonly instances: InstanceRepository,
    private readonly events: InstanceEvents,
    private readonly wake: ReconcilerWake,
  ) {
    this.settings = reconcilerSettings(options);
  }

  @Interval<Reconciler>('reconciler', (reconciler) => reconciler.settings.interval, {
    overlap: 'queueOne',
    timeout: '30m',
    runOnStart: true,
    on: EVENTS,
  })
  async run(context: RunContext): Promise<void> {
    if (this.settings.dryRun) return;
    let again = false;
    const units = [
      ['datacenters', () => this.reconcileDatacenters(context, () => (again = true))],
      ['workloads', () => this.reconcileWorkloads(context, () => (again = true))],
      ['waiting instances', () => this.tellWaiting()],
    ] as const;
    const errors: unknown[] = [];
    const said: string[] = [];
    for (const [what, unit] of units) {
      try {
        const failed = await unit();
        if (failed) said.push(`${failed} ${what} failed`);
      } catch (error) {
        context.signal.throwIfAborted();
        errors.push(error);
      }
      context.progress(said.length, undefined, said.join(', ') || 'all is on its way');
    }
    if (again) this.wake.in(NEXT_STEP);
    if (errors.length) throw errors[0];
  }

  /** One datacenter, on any replica: where the application has an engine for shards. */
  @Shard<Reconciler>(({ settings: { concurrency } }) => ({ name: 'reconciler.datacenter', concurrency }))
  async reconcileOneDatacenter({ tenantId, id }: Unit<DatacenterId>, context: ShardContext): Promise<void> {
    const datacenter = await this.datacenters.find(tenantId, id);
    // Gone since the run has listed it.
    if (!datacenter) return;
    if (await this.reconcileDatacenter(datacenter, context.signal)) report(context, { unfinished: 1 });
  }

  /** One workload, on any replica. */
  @Shard<Reconciler>(({ settings: { concurrency } }) => ({ name: 'reconciler.workload', concurrency }))
  async reconcileOneWorkload(workload: UnconvergedWorkload, context: ShardContext): Promise<void> {
    if (await this.reconcileWorkload(workload, context.signal)) report(context, { unfinished: 1 });
  }

  /** @returns how many failed */
  private async reconcileDatacenters(context: RunContext, again: () => void): Promise<number> {
    if (this.settings.fanOut && context.distributesShards) {
      const units: Unit<DatacenterId>[] = [];
      for await (const { tenantId, id } of this.datacenters.everyAcrossTenants())
        units.push({ tenantId, id });
      if (units.length > 1)
        return this.handOut(context, 'datacenters', this.reconcileOneDatacenter, units, again);
    }
    const { concurrency } = this.settings;
    const { signal } = context;
    const datacenters = this.datacenters.everyAcrossTenants();
    const summary = await forEachIsolated(
      datacenters,
      { concurrency, signal, key: ({ id }) => id },
      async (datacenter, own) => {
        if (await this.reconcileDatacenter(datacenter, own)) again();
      },
    );
    return warn(context, 'datacenters', summary);
  }

  /** @returns whether another pass is to follow soon */
  private async reconcileDatacenter(datacenter: Datacenter, signal: AbortSignal): Promise<boolean> {
    const { concurrency, backoff, hookTimeout } = this.settings;
    return withSystemClaims(datacenter.tenantId, () =>
      this.bootstraps.reconcile(datacenter, { concurrency, backoff, hookTimeout, signal }),
    );
  }

  /** @returns how many failed */
  private async reconcileWorkloads(context: RunContext, again: () => void): Promise<number> {
    const { concurrency, fanOut } = this.settings;
    const { signal } = context;
    const workloads = await this.drift.unconvergedAcrossTenants();
    if (fanOut && context.distributesShards && workloads.length > 1) {
      const units = workloads.map(({ tenantId, id, deletionReason }) => ({
        ...{ tenantId, id },
        ...(deletionReason && { deletionReason }),
      }));
      return this.handOut(context, 'workloads', this.reconcileOneWorkload, units, again);
    }
    const summary = await forEachIsolated(
      workloads,
      { concurrency, signal, key: ({ id }) => id },
      async (workload, own) => {
        if (await this.reconcileWorkload(workload, own)) again();
      },
    );
    return warn(context, 'workloads', summary);
  }

  /** @returns how many failed */
  private async handOut<One extends Unit<string>>(
    context: RunContext,
    what: string,
    shard: ShardMethod<One>,
    units: readonly One[],
    again: () => void,
  ): Promise<number> {
    const { counts, failed, failures } = await handOut(context, shard, units);
    if (counts.unfinished) again();
    const told = failures.map(({ item, error }) => ({ item, key: item.id, error: new Error(error.message) }));
    warn(context, what, { failures: told, succeeded: units.length - failed });
    return failed;
  }

  /** @returns whether there is another step */
  private async reconcileWorkload(
    { tenantId, id, deletionReason }: UnconvergedWorkload,
    signal: AbortSignal,
  ): Promise<boolean> {
    return withSystemClaims(tenantId, async () => {
      try {
        if (!deletionReason) return (await this.workloads.step(tenantId, id, signal)).rolling;
        await this.workloads.delete(tenantId, id, { reason: deletionReason, signal });
      } catch (error) {
        const isNoFailure = error instanceof InstancesElsewhereError || error instanceof UnknownWorkloadError;
        if (!isNoFailure) throw error;
      }
      return false;
    });
  }

  /** Once for each request: the reason is kept on the row. */
  private async tellWaiting(): Promise<number> {
    const waiting = await this.drift.waitingAcrossTenants(this.settings.waitingAfter);
    for (const { id, tenantId } of await this.instances.findAllAcrossTenants(waiting.map(({ id }) => id))) {
      const told = await this.instances.change(tenantId, id, { reason: 'waiting_for_host' });
      if (told) await this.events.publish('instance.waiting_for_host', told, { since: told.requestedAt });
    }
    return 0;
  }
}

/** @throws Error when not one of them came through: then it is no matter of single ones */
function warn(
  { logger }: RunContext,
  what: string,
  { failures, succeeded }: Pick<IsolatedSummary<unknown>, 'failures' | 'succeeded'>,
): number {
  for (const { key, error } of failures)
    logger.warn(`${key}: ${error instanceof Error ? error.message : String(error)}`);
  if (failures.length > 0 && succeeded === 0)
    throw new AggregateError(
      failures.map(({ error }) => error),
      `Not one of ${failures.length} ${what} could be reconciled: see the log`,
    );
  return failures.length;
}
