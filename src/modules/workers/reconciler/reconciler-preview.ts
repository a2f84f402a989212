import { Inject, Injectable } from '@nestjs/common';
import { requireCrossTenant, withSystemClaims } from '../../auth/claims.js';
import { BootstrapServices, type PlannedBootstrap } from '../../bootstrap/bootstrap.service.js';
import { forEachIsolated } from '../../concurrency/for-each-isolated.js';
import { DatacenterRepository } from '../../datacenters/datacenter.repository.js';
import { type DatacenterId, type InstanceId, type TenantId, type WorkloadId } from '../../ids/typed-id.js';
import { ProviderRegistry } from '../../providers/provider.registry.js';
import { WorkloadsService } from '../../workloads/workloads.service.js';
import { DriftRepository } from './drift.repository.js';
import { RECONCILER_OPTIONS, type ReconcilerOptions, reconcilerSettings } from './reconciler.options.js';
import { type PlannedRepair, StorePass } from './store-pass.js';

/** What the next passes would change. Empty lists: nothing. */
export interface ReconcilerPlan {
  /** Of the stores that this replica reaches. */
  instances: (PlannedRepair & { provider: string })[];
  /** What their stores hold without a row: removed when it has been so for `orphanGracePeriod`. */
  orphans: { provider: string; instanceId: InstanceId }[];
  workloads: { tenantId: TenantId; workloadId: WorkloadId; create: number; remove: InstanceId[] }[];
  bootstrap: (PlannedBootstrap & { tenantId: TenantId; datacenterId: DatacenterId })[];
  /** What could not be looked at, and why: of that nothing is known. */
  failures: { subject: string; reason: string }[];
}

/** What the reconciler would do, and why, without doing it. */
@Injectable()
export class ReconcilerPreview {
  private readonly settings;

  constructor(
    @Inject(RECONCILER_OPTIONS) options: ReconcilerOptions,
    private readonly registry: ProviderRegistry,
    private readonly pass: StorePass,
    private readonly drift: DriftRepository,
    private readonly workloads: WorkloadsService,
    private readonly datacenters: DatacenterRepository,
    private readonly bootstraps: BootstrapServices,
  ) {
    this.settings = { ...reconcilerSettings(options), dryRun: true };
  }

  /** Takes claims over all tenants. */
  async plan(signal: AbortSignal = new AbortController().signal): Promise<ReconcilerPlan> {
    requireCrossTenant();
    const { concurrency, storeTimeout, hookTimeout } = this.settings;
    const plan: ReconcilerPlan = { instances: [], orphans: [], workloads: [], bootstrap: [], failures: [] };
    const each = async <T>(
      items: Iterable<T> | AsyncIterable<T>,
      key: (item: T) => string,
      look: (item: T, own: AbortSignal) => Promise<unknown>,
    ) => {
      const { failures } = await forEachIsolated(
        items,
        { concurrency, timeout: storeTimeout, signal, key },
        look,
      );
      for (const { key: subject, error } of failures)
        plan.failures.push({ subject, reason: error instanceof Error ? error.message : String(error) });
    };
    await each(
      this.registry.list(),
      ({ name }) => name,
      async ({ name: provider }, own) => {
        const { planned, withoutRow } = await this.pass.reconcile(provider, this.settings, own);
        plan.instances.push(...planned.map((repair) => ({ provider, ...repair })));
        plan.orphans.push(...withoutRow.map((instanceId) => ({ provider, instanceId })));
      },
    );
    await each(
      await this.drift.unconvergedAcrossTenants(),
      ({ id }) => id,
      async ({ tenantId, id }) =>
        withSystemClaims(tenantId, async () => {
          const { create, remove } = await this.workloads.preview(tenantId, id);
          if (create || remove.length) plan.workloads.push({ tenantId, workloadId: id, create, remove });
        }),
    );
    await each(
      this.datacenters.everyAcrossTenants(),
      ({ id }) => id,
      async (datacenter, own) =>
        withSystemClaims(datacenter.tenantId, async () => {
          const { tenantId, id: datacenterId } = datacenter;
          for (const planned of await this.bootstraps.preview(datacenter, hookTimeout, own))
            plan.bootstrap.push({ tenantId, datacenterId, ...planned });
        }),
    );
    return plan;
  }
}
