import { Injectable } from '@nestjs/common';
import { Scheduler } from '../../../core/scheduler/scheduler.js';
import { BootstrapRepository } from '../../bootstrap/bootstrap.repository.js';
import { BootstrapServices } from '../../bootstrap/bootstrap.service.js';
import { DatacentersService } from '../../datacenters/datacenters.service.js';
import { type DatacenterId, type InstanceId, type TenantId, type WorkloadId } from '../../ids/typed-id.js';
import { type Condition } from '../../instances/condition.js';
import { type Instance } from '../../instances/instance.js';
import { InstancesService } from '../../instances/instances.service.js';
import { WorkloadsService } from '../../workloads/workloads.service.js';
import { DriftRepository } from './drift.repository.js';

/** What the reconciler knows of one thing. */
export interface ReconcileStatus {
  /**
   * Of an instance: when a replica last set about comparing its store, to within `storeTimeout`. Of all else: end of the
   * last run of `reconciler` that succeeded. Absent before the first.
   */
  lastReconciled?: Date;
  /** `since` is absent where it was not recorded. */
  conditions: (Omit<Condition, 'since'> & { since?: string })[];
}

/**
 * When things were last reconciled, and how they are. Taken from their rows and from the runs: a pass over what is as
 * it should be writes nothing, so that nothing is kept for this.
 */
@Injectable()
export class ReconcilerStatus {
  constructor(
    private readonly scheduler: Scheduler,
    private readonly drift: DriftRepository,
    private readonly instances: InstancesService,
    private readonly workloads: WorkloadsService,
    private readonly datacenters: DatacentersService,
    private readonly bootstraps: BootstrapServices,
    private readonly contributions: BootstrapRepository,
  ) {}

  /** `Running`; `Settled`: nothing that was asked for waits. @throws UnknownInstanceError */
  async ofInstance(tenantId: TenantId, id: InstanceId): Promise<ReconcileStatus> {
    const instance = await this.instances.get(tenantId, id);
    const { providerStore } = instance;
    const lastReconciled = providerStore && (await this.drift.seenAcrossTenants(providerStore));
    return { ...(lastReconciled && { lastReconciled }), conditions: conditionsOf(instance) };
  }

  /** `Available`, `Progressing`. @throws UnknownWorkloadError */
  async ofWorkload(tenantId: TenantId, id: WorkloadId): Promise<ReconcileStatus> {
    const { conditions } = await this.workloads.get(tenantId, id);
    return { ...(await this.lastPass()), conditions };
  }

  /**
   * `Bootstrapped`: all that it is to have is installed and runs. `Contributed`: no hook fails for it.
   * @throws UnknownDatacenterError
   */
  async ofDatacenter(tenantId: TenantId, id: DatacenterId): Promise<ReconcileStatus> {
    const datacenter = await this.datacenters.get(tenantId, id);
    const services = await this.bootstraps.list(datacenter);
    const open = services.filter(({ state }) => state !== 'running' && state !== 'retired');
    const first = open.find(({ state }) => state === 'failed') ?? open[0];
    const latest = Math.max(
      Number(datacenter.createdAt),
      ...services.map(({ updatedAt }) => Number(updatedAt)),
    );
    const failing = (await this.contributions.contributions(id)).filter(({ error }) => error !== undefined);
    return {
      ...(await this.lastPass()),
      conditions: [
        {
          type: 'Bootstrapped',
          status: !first,
          reason: first?.state ?? 'running',
          message: first ? [first.name, first.lastError].filter(Boolean).join(': ') : '',
          since: new Date(latest).toISOString(),
        },
        {
          type: 'Contributed',
          status: failing.length === 0,
          reason: failing.length ? 'hook_failed' : 'contributed',
          message: failing.map(({ hook, error }) => `${hook}: ${error}`).join('; '),
        },
      ],
    };
  }

  private async lastPass(): Promise<Pick<ReconcileStatus, 'lastReconciled'>> {
    const workers = await this.scheduler.status();
    const lastReconciled = workers.find(({ name }) => name === 'reconciler')?.lastSuccess;
    return lastReconciled ? { lastReconciled } : {};
  }
}

function conditionsOf({ state, reason, lastError, stateSince, requestedAt }: Instance): Condition[] {
  const waits = requestedAt !== undefined;
  return [
    {
      type: 'Running',
      status: state === 'running',
      reason: reason ?? state,
      message: lastError ?? '',
      since: stateSince.toISOString(),
    },
    {
      type: 'Settled',
      status: !waits,
      reason: !waits ? 'settled' : reason === 'waiting_for_host' ? reason : 'requested',
      message: '',
      since: (requestedAt ?? stateSince).toISOString(),
    },
  ];
}
