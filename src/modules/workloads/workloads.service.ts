import { Injectable } from '@nestjs/common';
import { requireTenantAccess } from '../auth/claims.js';
import { type Page, type PageQuery } from '../database/page.js';
import { Transactions } from '../database/transaction.js';
import { UnknownDatacenterError } from '../datacenters/datacenter.errors.js';
import { DatacenterRepository } from '../datacenters/datacenter.repository.js';
import { EventBus } from '../events/event-bus.js';
import { newId, type TenantId, type WorkloadId } from '../ids/typed-id.js';
import { type Instance } from '../instances/instance.js';
import { type DeletionReason } from '../instances/deletion.js';
import { InstancesElsewhereError } from '../instances/instance.errors.js';
import { type LostInstance } from '../instances/lost-instances.js';
import { InstancesService } from '../instances/instances.service.js';
import { type InstanceSpec } from '../providers/provider.js';
import { ProviderRegistry } from '../providers/provider.registry.js';
import { specHash } from '../providers/spec-hash.js';
import { refuseUnsupported } from '../providers/spec-support.js';
import { UnknownTenantError } from '../tenants/tenant.errors.js';
import { TenantRepository } from '../tenants/tenant.repository.js';
import { type Deployment } from './deployment.js';
import { DeploymentRepository } from './deployment.repository.js';
import { type RolloutPlan } from './rollout-plan.js';
import { WorkloadConvergence, type WorkloadStep } from './workload-convergence.js';
import {
  parseReplicas,
  parseRollout,
  parseWorkload,
  parseWorkloadUpdate,
  type WorkloadRequest,
  type WorkloadUpdate,
} from './workload-input.js';
import { NoDeploymentError, UnknownWorkloadError } from './workload.errors.js';
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
    private readonly deployments: DeploymentRepository,
    private readonly convergence: WorkloadConvergence,
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
    refuseUnsupported('workload', { name: provider, provider: this.providers.get(provider) }, given.spec);
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
    return (await this.workloads.find(tenantId, workload.id)) ?? workload;
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
   * Changes what it is. Another spec begins a deployment: instances are replaced one by one, each old one when its
   * successor is ready, by this call, by the reconciler, or by the next `converge`. The same spec begins one if the last
   * one has failed.
   * @throws InvalidInputError before anything is stored, UnknownWorkloadError, InstancesLeftError
   */
  async update(
    tenantId: TenantId,
    id: WorkloadId,
    update: WorkloadUpdate,
    signal?: AbortSignal,
  ): Promise<Workload> {
    requireTenantAccess(tenantId);
    const { rollout, ...change } = parseWorkloadUpdate(update);
    await this.transactions.run(async () => {
      const before = existing(await this.workloads.lock(tenantId, id), tenantId, id);
      const { provider: name } = before;
      if (change.spec && this.providers.has(name))
        refuseUnsupported('workload', { name, provider: this.providers.get(name) }, change.spec);
      const merged = rollout && parseRollout({ ...before.rollout, ...rollout });
      const after = existing(
        await this.workloads.change(tenantId, id, { ...change, ...(merged && { rollout: merged }) }),
        tenantId,
        id,
      );
      if (after.replicas !== before.replicas)
        await this.publish('workload.scaled', after, { from: before.replicas, to: after.replicas });
      const failed = await this.failedDeployment(tenantId, id);
      const isTriedAgain = change.spec !== undefined && failed?.specHash === after.specHash;
      if (after.specHash === before.specHash && !isTriedAgain) return;
      const previousSpec = ranBefore(after, before, failed);
      const deployment = { workloadId: id, spec: after.spec, previousSpec };
      if (isTriedAgain) await this.convergence.forgive(tenantId, id);
      const { id: deploymentId } = await this.deployments.begin(tenantId, deployment);
      await this.publish('deployment.started', after, { deploymentId, specHash: after.specHash });
    });
    await this.converge(tenantId, id, signal);
    return this.get(tenantId, id);
  }

  /**
   * Back to the spec before the last deployment, as a deployment of its own, also while that one is under way or has
   * failed.
   * @throws NoDeploymentError when there was none
   */
  async rollback(tenantId: TenantId, id: WorkloadId, signal?: AbortSignal): Promise<Workload> {
    requireTenantAccess(tenantId);
    const latest = await this.deployments.latest(tenantId, id);
    if (!latest) throw new NoDeploymentError(tenantId, id);
    return this.update(tenantId, id, { spec: latest.previousSpec }, signal);
  }

  /** Replaces nothing until `resume`. What ends is started again all the same. */
  async pause(tenantId: TenantId, id: WorkloadId): Promise<Workload> {
    return this.setPaused(tenantId, id, true);
  }

  async resume(tenantId: TenantId, id: WorkloadId, signal?: AbortSignal): Promise<Workload> {
    await this.setPaused(tenantId, id, false);
    await this.converge(tenantId, id, signal);
    return this.get(tenantId, id);
  }

  /** The last deployment, if it has failed: then the workload does not run what it asks for. */
  async failedDeployment(tenantId: TenantId, id: WorkloadId): Promise<Deployment | undefined> {
    requireTenantAccess(tenantId);
    const latest = await this.deployments.latest(tenantId, id);
    return latest?.state === 'failed' ? latest : undefined;
  }

  /** The workload's, newest first, up to 100. */
  async deploymentsOf(tenantId: TenantId, id: WorkloadId): Promise<Deployment[]> {
    requireTenantAccess(tenantId);
    return this.deployments.list(tenantId, id);
  }

  /**
   * Sets the number of instances, and starts or removes some. The newest are removed first.
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
    return (await this.workloads.find(tenantId, id)) ?? workload;
  }

  /**
   * Makes the instances match the workload: adds those that are missing, removes the newest that are too many,
   * finishes what was begun, takes the next step of a deployment. Changes nothing when they match.
   * @returns the wanted instances, oldest first; those that could not be started as `failed`.
   * @throws UnknownWorkloadError, UnknownProviderError, InstancesLeftError
   */
  async converge(tenantId: TenantId, id: WorkloadId, signal?: AbortSignal): Promise<Instance[]> {
    requireTenantAccess(tenantId);
    return (await this.convergence.step(tenantId, id, { retry: true, signal })).instances;
  }

  /** As `converge`, but failed instances wait for their backoff. Says whether there is another step. */
  async step(tenantId: TenantId, id: WorkloadId, signal?: AbortSignal): Promise<WorkloadStep> {
    requireTenantAccess(tenantId);
    return this.convergence.step(tenantId, id, { retry: false, signal });
  }

  /**
   * Gives those of its instances rows again whose rows are lost, as far as it asks for more than it has. What is started is
   * for `converge`.
   * @returns those
   */
  async adopt(tenantId: TenantId, id: WorkloadId, lost: readonly LostInstance[]): Promise<Instance[]> {
    requireTenantAccess(tenantId);
    return this.convergence.adopt(tenantId, id, lost);
  }

  /** What `converge` would do, without doing it. @throws UnknownWorkloadError */
  async preview(tenantId: TenantId, id: WorkloadId): Promise<RolloutPlan> {
    requireTenantAccess(tenantId);
    return this.convergence.preview(tenantId, id);
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
    // From here on no `converge` adds any, and the reconciler repeats this until it is done.
    await this.workloads.change(tenantId, id, { replicas: 0, deletionReason: reason });
    do {
      const { items } = await this.instances.list(tenantId, { workloadId: id });
      const left = await this.instances.deleteEach(tenantId, items, { reason, signal });
      if (left > 0) throw new InstancesElsewhereError(left);
    } while (!(await this.removeIfEmpty(tenantId, id)));
  }

  private async setPaused(tenantId: TenantId, id: WorkloadId, paused: boolean): Promise<Workload> {
    requireTenantAccess(tenantId);
    return this.transactions.run(async () => {
      const before = existing(await this.workloads.lock(tenantId, id), tenantId, id);
      if (before.paused === paused) return before;
      const after = existing(await this.workloads.change(tenantId, id, { paused }), tenantId, id);
      if (!paused) await this.deployments.renew(tenantId, id);
      await this.publish(paused ? 'workload.paused' : 'workload.resumed', after);
      return after;
    });
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

  private async publish(type: string, { id, tenantId, name }: Workload, more: object = {}): Promise<void> {
    await this.events.publish({ type, tenantId, payload: { workloadId: id, name, ...more } });
  }
}

/** What a rollback returns to: not the spec of a deployment that failed, as that has never run as a whole. */
function ranBefore(after: Workload, before: Workload, failed: Deployment | undefined): InstanceSpec {
  return failed && specHash(failed.previousSpec) !== after.specHash ? failed.previousSpec : before.spec;
}

function existing(workload: Workload | undefined, tenantId: TenantId, asked: string): Workload {
  if (!workload) throw new UnknownWorkloadError(tenantId, asked);
  return workload;
}
