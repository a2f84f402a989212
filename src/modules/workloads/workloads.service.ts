import { Injectable } from '@nestjs/common';
import { requireTenantAccess } from '../auth/claims.js';
import { forEachIsolated } from '../concurrency/for-each-isolated.js';
import { everyItem, type Page, type PageQuery } from '../database/page.js';
import { Transactions } from '../database/transaction.js';
import { UnknownDatacenterError } from '../datacenters/datacenter.errors.js';
import { DatacenterRepository } from '../datacenters/datacenter.repository.js';
import { EventBus } from '../events/event-bus.js';
import { newId, type TenantId, type WorkloadId } from '../ids/typed-id.js';
import { type Instance } from '../instances/instance.js';
import { type DeletionReason } from '../instances/deletion.js';
import { InstancesElsewhereError } from '../instances/instance.errors.js';
import { InstancesService } from '../instances/instances.service.js';
import { ProviderRegistry } from '../providers/provider.registry.js';
import { UnknownTenantError } from '../tenants/tenant.errors.js';
import { TenantRepository } from '../tenants/tenant.repository.js';
import { parseReplicas, parseWorkload, type WorkloadRequest } from './workload-input.js';
import { UnknownWorkloadError } from './workload.errors.js';
import { type Workload } from './workload.js';
import { WorkloadRepository } from './workload.repository.js';

/**
 * Workloads of a tenant, and that as many instances run as each asks for. Every method takes claims that
 * cover the tenant. Every change is stored first and then carried out by `converge`, which may be repeated at
 * any time: after a crash at any step it finishes what was left.
 */
@Injectable()
export class WorkloadsService {
  constructor(
    private readonly workloads: WorkloadRepository,
    private readonly tenants: TenantRepository,
    private readonly datacenters: DatacenterRepository,
    private readonly instances: InstancesService,
    private readonly providers: ProviderRegistry,
    private readonly events: EventBus,
    private readonly transactions: Transactions,
  ) {}

  /**
   * Stores a workload and starts its instances. An instance that cannot be started is no error here: it is
   * `failed` and says why.
   * @throws InvalidInputError, InvalidIdError, UnknownProviderError, UnknownTenantError,
   *   UnknownDatacenterError, WorkloadNameTakenError before anything is stored.
   */
  async create(tenantId: TenantId, request: WorkloadRequest, signal?: AbortSignal): Promise<Workload> {
    requireTenantAccess(tenantId);
    const { provider = this.providers.default().name, ...given } = parseWorkload(tenantId, request);
    this.providers.get(provider);
    const workload = await this.transactions.run(async () => {
      if (!(await this.tenants.lock(tenantId))) throw new UnknownTenantError(tenantId);
      if (given.datacenterId && !(await this.datacenters.find(tenantId, given.datacenterId))) {
        throw new UnknownDatacenterError(tenantId, given.datacenterId);
      }
      const stored = await this.workloads.insert(tenantId, { id: newId('workload'), provider, ...given });
      await this.publish('workload.created', stored, { provider, replicas: stored.replicas });
      return stored;
    });
    await this.converge(tenantId, workload.id, signal);
    return workload;
  }

  /** @throws UnknownWorkloadError */
  async get(tenantId: TenantId, id: WorkloadId): Promise<Workload> {
    requireTenantAccess(tenantId);
    return existing(await this.workloads.find(tenantId, id), tenantId, id);
  }

  /** @throws UnknownWorkloadError */
  async getByName(tenantId: TenantId, name: string): Promise<Workload> {
    requireTenantAccess(tenantId);
    return existing(await this.workloads.findByName(tenantId, name), tenantId, `"${name}"`);
  }

  /** The tenant's, oldest first. */
  async list(tenantId: TenantId, query: PageQuery = {}): Promise<Page<Workload>> {
    requireTenantAccess(tenantId);
    return this.workloads.list(tenantId, query);
  }

  /**
   * Sets how many instances there are to be, and starts or removes as many. The newest go first.
   * @throws InvalidInputError, UnknownWorkloadError, InstancesLeftError, UnknownProviderError
   */
  async scale(tenantId: TenantId, id: WorkloadId, replicas: number, signal?: AbortSignal): Promise<Workload> {
    requireTenantAccess(tenantId);
    const to = parseReplicas(replicas);
    const workload = await this.transactions.run(async () => {
      const { replicas: from } = existing(await this.workloads.lock(tenantId, id), tenantId, id);
      const scaled = existing(await this.workloads.setReplicas(tenantId, id, to), tenantId, id);
      if (from !== to) await this.publish('workload.scaled', scaled, { from, to });
      return scaled;
    });
    await this.converge(tenantId, id, signal);
    return workload;
  }

  /**
   * Makes the instances match the workload: adds those that are missing, removes the newest that are too
   * many, finishes what was begun. Changes nothing when they match.
   * @returns the instances that are to be there, oldest first; those that could not be started as `failed`.
   * @throws UnknownWorkloadError, UnknownProviderError, InstancesLeftError
   */
  async converge(tenantId: TenantId, id: WorkloadId, signal?: AbortSignal): Promise<Instance[]> {
    requireTenantAccess(tenantId);
    const { staying, leaving } = await this.plan(tenantId, id);
    await this.instances.deleteEach(tenantId, leaving, { reason: 'scaled_down', signal });
    const unsettled = staying.filter(({ state }) => state === 'provisioning' || state === 'failed');
    const { failures } = await forEachIsolated(unsettled, { signal }, (instance) =>
      this.instances.provision(tenantId, instance.id, signal),
    );
    if (failures.length) throw failures[0]!.error;
    return this.instancesOf(tenantId, id);
  }

  /**
   * Removes the workload: its instances first and its row last, so that a crash leaves something to repeat
   * this on. One that is gone is success.
   * @throws InstancesLeftError, InstancesElsewhereError with the row kept.
   */
  async delete(
    tenantId: TenantId,
    id: WorkloadId,
    { reason = 'workload_deleted', signal }: { reason?: DeletionReason; signal?: AbortSignal } = {},
  ): Promise<void> {
    requireTenantAccess(tenantId);
    // From here on no `converge` adds any.
    await this.workloads.setReplicas(tenantId, id, 0);
    do {
      const { items } = await this.instances.list(tenantId, { workloadId: id });
      const left = await this.instances.deleteEach(tenantId, items, { reason, signal });
      if (left > 0) throw new InstancesElsewhereError(left);
    } while (!(await this.removeIfEmpty(tenantId, id)));
  }

  /** Decides under the workload's lock which instances stay and which go, and stores the new ones. */
  private async plan(
    tenantId: TenantId,
    id: WorkloadId,
  ): Promise<{ staying: Instance[]; leaving: Instance[] }> {
    return this.transactions.run(async () => {
      const workload = existing(await this.workloads.lock(tenantId, id), tenantId, id);
      const instances = await this.instancesOf(tenantId, id);
      const leaving = instances.filter(({ state }) => state === 'destroying');
      const staying = instances.filter(({ state }) => state !== 'destroying');
      leaving.push(...staying.splice(workload.replicas));
      while (staying.length < workload.replicas) staying.push(await this.addInstance(workload));
      return { staying, leaving };
    });
  }

  private async addInstance({ id, tenantId, name, provider, spec, labels }: Workload): Promise<Instance> {
    return this.instances.register(tenantId, { name, workloadId: id, provider, spec, labels });
  }

  private async removeIfEmpty(tenantId: TenantId, id: WorkloadId): Promise<boolean> {
    return this.transactions.run(async () => {
      const workload = await this.workloads.lock(tenantId, id);
      const { items } = await this.instances.list(tenantId, { workloadId: id, limit: 1 });
      if (items.length) return false;
      if (workload && (await this.workloads.delete(tenantId, id))) {
        await this.publish('workload.deleted', workload);
      }
      return true;
    });
  }

  private async instancesOf(tenantId: TenantId, workloadId: WorkloadId): Promise<Instance[]> {
    const instances: Instance[] = [];
    for await (const instance of everyItem((after) => this.instances.list(tenantId, { workloadId, after }))) {
      instances.push(instance);
    }
    return instances;
  }

  private async publish(type: string, { id, tenantId, name }: Workload, more: object = {}): Promise<void> {
    await this.events.publish({ type, tenantId, payload: { workloadId: id, name, ...more } });
  }
}

function existing(workload: Workload | undefined, tenantId: TenantId, asked: string): Workload {
  if (!workload) throw new UnknownWorkloadError(tenantId, asked);
  return workload;
}
