import { Injectable } from '@nestjs/common';
import { requireTenantAccess } from '../auth/claims.js';
import { forEachIsolated } from '../concurrency/for-each-isolated.js';
import { type Page } from '../database/page.js';
import { Transactions } from '../database/transaction.js';
import { type InstanceId, newId, parseId, type TenantId, type WorkloadId } from '../ids/typed-id.js';
import { type InstanceSpec, LABELS, type Labels } from '../providers/provider.js';
import { ProviderStores } from '../providers/provider-stores.js';
import { parseInstanceSpec, parseProvisionRequest } from '../providers/provision-request.schema.js';
import { type DeleteOptions, type Deletion } from './deletion.js';
import { InstanceConvergence, STAYING } from './instance-convergence.js';
import { InstanceEvents } from './instance-events.js';
import { InstancesLeftError, UnknownInstanceError } from './instance.errors.js';
import { type Instance, type InstanceChange, type InstanceSeen } from './instance.js';
import { type InstanceQuery, InstanceRepository } from './instance.repository.js';

const RESTART: InstanceChange = { desiredState: 'running', restartRequested: true };

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

/**
 * Instances of a tenant: rows, and what providers run for them. The row is there before the provider is asked
 * to run anything and goes after the provider has removed it, so whatever runs has a row, after any crash.
 * Every method takes claims that cover the tenant.
 */
@Injectable()
export class InstancesService {
  constructor(
    private readonly instances: InstanceRepository,
    private readonly stores: ProviderStores,
    private readonly convergence: InstanceConvergence,
    private readonly events: InstanceEvents,
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
    const providerStore = await this.stores.idOf(request.provider);
    const { instanceId, name, spec, labels } = parseProvisionRequest({
      instanceId: newId('instance'),
      tenantId,
      name: request.name,
      spec: request.spec,
      labels: withWorkload(request.labels, request.workloadId),
    });
    return this.transactions.run(async () => {
      const fresh = { id: instanceId, name, provider: request.provider, providerStore, labels, spec };
      const instance = await this.instances.insert(tenantId, fresh);
      await this.events.publish('instance.created', instance);
      return instance;
    });
  }

  /**
   * Makes an instance run that has a row, whatever wait is left; one that runs already is left as it is.
   * @returns it as `running`, or as `failed` with `lastError`; as it was, when it is in a store that this replica
   *   does not reach: then a replica that does makes it run.
   * @throws UnknownInstanceError also when it is deleted meanwhile; UnknownProviderError.
   */
  async provision(tenantId: TenantId, id: InstanceId, signal?: AbortSignal): Promise<Instance> {
    const instance = await this.get(tenantId, id);
    if (instance.state === 'destroying') throw new UnknownInstanceError(tenantId, id);
    signal?.throwIfAborted();
    return this.convergence.provision(instance, { signal });
  }

  /**
   * Lets it run: at once, or when a replica that reaches its store gets to it.
   * @returns how it is then, as from `provision`
   * @throws UnknownInstanceError also for one that is being deleted; UnknownProviderError
   */
  async start(tenantId: TenantId, id: InstanceId, signal?: AbortSignal): Promise<Instance> {
    return this.request(tenantId, id, { desiredState: 'running' }, signal);
  }

  /** Lets it be known and not run, until `start`. Otherwise as `start`. */
  async stop(tenantId: TenantId, id: InstanceId, signal?: AbortSignal): Promise<Instance> {
    return this.request(tenantId, id, { desiredState: 'stopped' }, signal);
  }

  /** Ends and starts it; of a stopped one it is a `start`. A crash in the midst of it may make it start twice. */
  async restart(tenantId: TenantId, id: InstanceId, signal?: AbortSignal): Promise<Instance> {
    return this.request(tenantId, id, RESTART, signal);
  }

  /** As `restart`, for callers that saw it run a while ago: one that was stopped since then stays stopped. */
  async restartUnlessStopped(tenantId: TenantId, id: InstanceId, signal?: AbortSignal): Promise<Instance> {
    return this.request(tenantId, id, RESTART, signal, { desiredState: 'running' });
  }

  /**
   * Gives it another spec, and starts it from that. The same spec changes nothing. Otherwise as `start`.
   * @throws InvalidInputError before anything is stored
   */
  async deploy(
    tenantId: TenantId,
    id: InstanceId,
    spec: InstanceSpec,
    signal?: AbortSignal,
  ): Promise<Instance> {
    return this.request(tenantId, id, { spec: parseInstanceSpec(spec) }, signal);
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
  async delete(tenantId: TenantId, id: InstanceId, options: DeleteOptions = {}): Promise<Deletion> {
    const { reason = 'requested', signal } = options;
    requireTenantAccess(tenantId);
    signal?.throwIfAborted();
    const found = await this.instances.find(tenantId, id);
    if (!found) return 'removed';
    await this.stores.reach(found, signal);
    const destroying = { state: 'destroying', deletionReason: reason, requested: true } as const;
    const instance = await this.instances.change(tenantId, id, destroying);
    if (!instance) return 'removed';
    const removal = this.convergence.remove(instance, { reason, signal });
    // What repeats a removal, such as the garbage collector, does so again.
    const deletion = await (found.state === 'destroying' ? removal : this.orRequested(instance, removal));
    if (deletion === 'requested') await this.events.publish('instance.requested', instance);
    return deletion;
  }

  /**
   * Removes each of them, eight at a time; one that cannot be removed keeps no other.
   * @returns how many are left to other replicas, which reach their stores
   * @throws InstancesLeftError after all have been tried.
   */
  async deleteEach(
    tenantId: TenantId,
    instances: readonly Instance[],
    options: DeleteOptions,
  ): Promise<number> {
    let left = 0;
    const remove = async ({ id }: Instance) => {
      if ((await this.delete(tenantId, id, options)) === 'requested') left++;
    };
    const { failures } = await forEachIsolated(instances, { signal: options.signal }, remove);
    if (failures.length)
      throw new InstancesLeftError(
        failures.map(({ error }) => error),
        instances.length,
      );
    return left;
  }

  /**
   * Stores what is asked for, as news: failures of before do not count. Then does it, if this replica can.
   * @param seen otherwise it is left as it is
   */
  private async request(
    tenantId: TenantId,
    id: InstanceId,
    change: InstanceChange,
    signal?: AbortSignal,
    seen: InstanceSeen = {},
  ): Promise<Instance> {
    requireTenantAccess(tenantId);
    signal?.throwIfAborted();
    const news = { ...change, requested: true, attempts: 0, nextAttemptIn: null };
    const instance = await this.instances.change(tenantId, id, news, STAYING, seen);
    if (!instance) {
      const found = await this.get(tenantId, id);
      if (STAYING.includes(found.state)) return found;
      throw new UnknownInstanceError(tenantId, id);
    }
    if (await this.stores.reach(instance, signal))
      return this.orRequested(instance, this.convergence.converge(instance, { signal }));
    await this.events.publish('instance.requested', instance);
    return instance;
  }

  /** What fails is left to the reconciler, which would not hear of it before its interval otherwise. */
  private async orRequested<T>(instance: Instance, done: Promise<T>): Promise<T> {
    try {
      return await done;
    } catch (error) {
      if (!(error instanceof UnknownInstanceError))
        await this.events.publish('instance.requested', instance).catch(() => undefined);
      throw error;
    }
  }
}

function withWorkload(labels: Labels = {}, workloadId?: WorkloadId): Labels {
  return workloadId === undefined
    ? labels
    : { ...labels, [LABELS.workload]: parseId('workload', workloadId) };
}
