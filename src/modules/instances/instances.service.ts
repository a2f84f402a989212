import { Injectable } from '@nestjs/common';
import { requireTenantAccess } from '../auth/claims.js';
import { forEachIsolated } from '../concurrency/for-each-isolated.js';
import { type Page } from '../database/page.js';
import { storableText } from '../database/text.js';
import { Transactions } from '../database/transaction.js';
import { EventBus } from '../events/event-bus.js';
import { type InstanceId, newId, parseId, type TenantId, type WorkloadId } from '../ids/typed-id.js';
import {
  type InstanceSpec,
  LABELS,
  type Labels,
  type Provider,
  type ProviderInstance,
} from '../providers/provider.js';
import { ProviderRegistry } from '../providers/provider.registry.js';
import { parseProvisionRequest } from '../providers/provision-request.schema.js';
import { InstanceNotRemovedError, InstancesLeftError, UnknownInstanceError } from './instance.errors.js';
import { type Instance, type InstanceChange, type InstanceState } from './instance.js';
import { type InstanceQuery, InstanceRepository } from './instance.repository.js';

/** What it takes to make an instance. */
export interface InstanceRequest {
  name: string;
  /** Name of a registered provider. */
  provider: string;
  /** Becomes the label `ctrlplane.workload`. Absent: it stands for itself, and is never an orphan. */
  workloadId?: WorkloadId;
  spec: InstanceSpec;
  /** The user's own; those of the control plane are added, and win. */
  labels?: Labels;
}

/** Why an instance is removed. The event `instance.deleted` carries it. */
export type DeletionReason =
  'requested' | 'scaled_down' | 'workload_deleted' | 'tenant_deleted' | 'orphan_swept';

export interface DeleteOptions {
  /** Default `requested`. */
  reason?: DeletionReason;
  /** Stops between two steps, and what the provider is doing. Repeating the call goes on. */
  signal?: AbortSignal;
}

/** An instance on its way out is not brought back. */
const STAYING: readonly InstanceState[] = ['provisioning', 'running', 'stopped', 'failed'];

/**
 * Instances of a tenant: rows, and what providers run for them. The row is there before the provider is asked
 * to run anything and goes after the provider has removed it, so whatever runs has a row, after any crash.
 * Every method takes claims that cover the tenant.
 */
@Injectable()
export class InstancesService {
  constructor(
    private readonly instances: InstanceRepository,
    private readonly providers: ProviderRegistry,
    private readonly events: EventBus,
    private readonly transactions: Transactions,
  ) {}

  /**
   * Stores an instance and makes it run.
   * @returns it as `running`, or as `failed` with `lastError` when the provider could not make it run.
   * @throws UnknownProviderError, InvalidInputError, InvalidIdError before anything is stored.
   */
  async create(tenantId: TenantId, request: InstanceRequest, signal?: AbortSignal): Promise<Instance> {
    const { id } = await this.register(tenantId, request);
    return this.provision(tenantId, id, signal);
  }

  /** The first half of `create`: the row, in the current transaction if there is one. `provision` is the other. */
  async register(tenantId: TenantId, request: InstanceRequest): Promise<Instance> {
    requireTenantAccess(tenantId);
    this.providers.get(request.provider);
    const { instanceId, name, spec, labels } = parseProvisionRequest({
      instanceId: newId('instance'),
      tenantId,
      name: request.name,
      spec: request.spec,
      labels: withWorkload(request.labels, request.workloadId),
    });
    return this.transactions.run(async () => {
      const fresh = { id: instanceId, name, provider: request.provider, labels, spec };
      const instance = await this.instances.insert(tenantId, fresh);
      await this.publish('instance.created', instance);
      return instance;
    });
  }

  /**
   * Makes an instance run that has a row; one that runs already is left as it is.
   * @returns it as `running`, or as `failed` with `lastError`.
   * @throws UnknownInstanceError also when it is deleted meanwhile; UnknownProviderError.
   */
  async provision(tenantId: TenantId, id: InstanceId, signal?: AbortSignal): Promise<Instance> {
    const instance = await this.get(tenantId, id);
    const provider = this.providers.get(instance.provider);
    if (instance.state === 'destroying') throw new UnknownInstanceError(tenantId, id);
    signal?.throwIfAborted();
    const { name, spec, labels } = instance;
    let outcome: ProviderInstance;
    try {
      outcome = await provider.provision({ instanceId: id, tenantId, name, spec, labels }, signal);
    } catch (error) {
      signal?.throwIfAborted();
      return this.settle(instance, provider, { state: 'failed', lastError: reasonOf(error) });
    }
    const { endpoints, ref = null } = outcome;
    return outcome.state === 'running'
      ? this.settle(instance, provider, { state: 'running', endpoints, ref, lastError: null })
      : this.settle(instance, provider, {
          state: 'failed',
          lastError: `the provider calls it ${outcome.state}`,
        });
  }

  /** @throws UnknownInstanceError */
  async get(tenantId: TenantId, id: InstanceId): Promise<Instance> {
    requireTenantAccess(tenantId);
    const instance = await this.instances.find(tenantId, id);
    if (!instance) throw new UnknownInstanceError(tenantId, id);
    return instance;
  }

  /** The tenant's, oldest first. */
  async list(tenantId: TenantId, query: InstanceQuery = {}): Promise<Page<Instance>> {
    requireTenantAccess(tenantId);
    return this.instances.list(tenantId, query);
  }

  /**
   * Removes an instance: marks it `destroying`, has its provider remove it, then removes the row and tells
   * one `instance.deleted`, however many callers do this at the same time. One that is gone is success.
   * @throws UnknownProviderError, InstanceNotRemovedError; the row is kept, and repeating goes on.
   */
  async delete(tenantId: TenantId, id: InstanceId, options: DeleteOptions = {}): Promise<void> {
    const { reason = 'requested', signal } = options;
    requireTenantAccess(tenantId);
    signal?.throwIfAborted();
    const found = await this.instances.find(tenantId, id);
    if (!found) return;
    const provider = this.providers.get(found.provider);
    const instance = await this.instances.change(tenantId, id, { state: 'destroying' });
    if (!instance) return;
    await this.deprovision(instance, provider, signal);
    await this.transactions.run(async () => {
      if (!(await this.instances.delete(tenantId, id))) return;
      await this.publish('instance.deleted', instance, { reason });
    });
  }

  /**
   * Removes each of them, eight at a time; one that cannot be removed keeps no other.
   * @throws InstancesLeftError after all have been tried.
   */
  async deleteEach(
    tenantId: TenantId,
    instances: readonly Instance[],
    options: DeleteOptions,
  ): Promise<void> {
    const remove = ({ id }: Instance) => this.delete(tenantId, id, options);
    const { failures } = await forEachIsolated(instances, { signal: options.signal }, remove);
    if (failures.length)
      throw new InstancesLeftError(
        failures.map(({ error }) => error),
        instances.length,
      );
  }

  private async deprovision(instance: Instance, provider: Provider, signal?: AbortSignal): Promise<void> {
    try {
      await provider.deprovision(instance.id, signal);
    } catch (error) {
      signal?.throwIfAborted();
      const lastError = reasonOf(error);
      await this.instances.change(instance.tenantId, instance.id, { lastError });
      throw new InstanceNotRemovedError(instance.id, instance.provider, lastError, { cause: error });
    }
  }

  /** Stores what became of a provisioning; undoes it if the instance has been deleted in the meantime. */
  private async settle(
    { id, tenantId }: Instance,
    provider: Provider,
    change: InstanceChange & { state: 'running' | 'failed' },
  ): Promise<Instance> {
    const others = STAYING.filter((state) => state !== change.state);
    const settled = await this.transactions.run(async () => {
      const changed = await this.instances.change(tenantId, id, change, others);
      if (changed) await this.publish(`instance.${change.state}`, changed, { error: changed.lastError });
      return changed ?? this.instances.change(tenantId, id, change, [change.state]);
    });
    if (settled) return settled;
    await provider.deprovision(id);
    throw new UnknownInstanceError(tenantId, id);
  }

  private async publish(type: string, instance: Instance, more: object = {}): Promise<void> {
    const { id: instanceId, tenantId, workloadId, name, provider } = instance;
    const payload = { instanceId, workloadId, name, provider, ...more };
    await this.events.publish({ type, tenantId, payload });
  }
}

function withWorkload(labels: Labels = {}, workloadId?: WorkloadId): Labels {
  return workloadId === undefined
    ? labels
    : { ...labels, [LABELS.workload]: parseId('workload', workloadId) };
}

function reasonOf(error: unknown): string {
  return storableText(error instanceof Error ? error.message || error.name : String(error));
}
