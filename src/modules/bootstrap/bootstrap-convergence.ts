import { Injectable } from '@nestjs/common';
import { forEachIsolated } from '../concurrency/for-each-isolated.js';
import { Transactions } from '../database/transaction.js';
import { type Datacenter } from '../datacenters/datacenter.js';
import { EventBus } from '../events/event-bus.js';
import { type DeletionReason } from '../instances/deletion.js';
import { type InstanceBackoff, waitAfter } from '../instances/instance-backoff.js';
import { messageOf } from '../../core/text/describe-error.js';
import { type Instance } from '../instances/instance.js';
import { InstanceRepository } from '../instances/instance.repository.js';
import { type LostInstance, LostInstances } from '../instances/lost-instances.js';
import { InstancesService } from '../instances/instances.service.js';
import { InstanceReadiness } from '../instances/readiness.js';
import { type InstanceId } from '../ids/typed-id.js';
import { type ProviderInstance } from '../providers/provider.js';
import { ProviderRegistry } from '../providers/provider.registry.js';
import { TenantRepository } from '../tenants/tenant.repository.js';
import { planRollout } from '../workloads/rollout-plan.js';
import { DEFAULT_ROLLOUT } from '../workloads/workload.js';
import { BOOTSTRAP_LABELS, type BootstrapService, type BootstrapState } from './bootstrap-service.js';
import { type BootstrapChange, BootstrapRepository } from './bootstrap.repository.js';
import { type BootstrapProgram, type CheckedBootstrapSpec, programHash } from './bootstrap-spec.js';

/** How a bootstrap service's instances are replaced: one by one, each old one when its successor runs. */
const ROLLOUT = { ...DEFAULT_ROLLOUT, minReady: 0 };

export interface BootstrapStepOptions {
  backoff: InstanceBackoff;
  /** Nothing new is made: the datacenter is drained, or under maintenance. */
  frozen: boolean;
  signal?: AbortSignal | undefined;
}

/** The next changes to a service's instances. */
export interface BootstrapPlan {
  create: BootstrapProgram[];
  remove: InstanceId[];
  /** Each program has the wanted number of instances, and all of them run the wanted spec. */
  done: boolean;
}

/**
 * Brings one bootstrap service one step nearer to its spec. As with workloads, what to do is decided under a
 * lock and stored with the decision, and providers follow: each state can be resumed after a crash at any point.
 *
 *     pending ──▶ provisioning ──▶ running      wanted
 *                   ▲      │          │
 *                   └── failed ◀──────┘         something of it does not run
 *
 *     any of these ──▶ retiring ──▶ retired     no longer wanted; wanted again, it is pending
 */
@Injectable()
export class BootstrapConvergence {
  constructor(
    private readonly bootstraps: BootstrapRepository,
    private readonly instances: InstancesService,
    private readonly rows: InstanceRepository,
    private readonly lost: LostInstances,
    private readonly readiness: InstanceReadiness,
    private readonly providers: ProviderRegistry,
    private readonly tenants: TenantRepository,
    private readonly events: EventBus,
    private readonly transactions: Transactions,
  ) {}

  /** @returns whether another step is due soon */
  async step(
    datacenter: Datacenter,
    service: BootstrapService,
    own: readonly Instance[],
    options: BootstrapStepOptions,
  ): Promise<boolean> {
    try {
      return service.state === 'retiring'
        ? await this.retire(service, own, options)
        : await this.install(datacenter, service, own, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      const attempts = service.attempts + 1;
      await this.turn(service, 'failed', {
        attempts,
        nextAttemptIn: waitAfter(attempts + 1, options.backoff),
        lastError: messageOf(error),
      });
      return false;
    }
  }

  /** What a step would do. */
  async plan(service: BootstrapService, own: readonly Instance[]): Promise<BootstrapPlan> {
    const staying = own.filter(({ state }) => state !== 'destroying');
    if (service.state === 'retiring' || service.state === 'retired')
      return { create: [], remove: staying.map(({ id }) => id), done: own.length === 0 };
    const ready = await this.readiness.ready(staying, ROLLOUT.minReady);
    const plan: BootstrapPlan = { create: [], remove: [], done: staying.length === own.length };
    const known = new Set(service.spec.services.map(({ name }) => name));
    for (const { id, labels } of staying)
      if (!known.has(labels[BOOTSTRAP_LABELS.program] ?? '')) plan.remove.push(id);
    for (const program of service.spec.services) {
      const step = planRollout(
        {
          specHash: programHash(service.spec, program),
          replicas: service.spec.replicas,
          rollout: ROLLOUT,
          halted: false,
        },
        staying
          .filter(({ labels }) => labels[BOOTSTRAP_LABELS.program] === program.name)
          .map(({ id, labels }) => ({
            id,
            specHash: labels[BOOTSTRAP_LABELS.hash] ?? '',
            ready: ready.has(id),
          })),
      );
      for (let n = 0; n < step.create; n++) plan.create.push(program);
      plan.remove.push(...step.remove);
      plan.done &&= step.done;
    }
    plan.done &&= plan.remove.length === 0;
    return plan;
  }

  private async install(
    datacenter: Datacenter,
    service: BootstrapService,
    own: readonly Instance[],
    { frozen, signal }: BootstrapStepOptions,
  ): Promise<boolean> {
    const plan = await this.plan(service, own);
    if (plan.done) {
      await this.settle(service);
      return false;
    }
    if (frozen) return false;
    const failed = own.find(({ state, reason }) => state === 'failed' || reason === 'crash_looping');
    const lost = await this.lostOf(service, plan, signal);
    const fresh = await this.decide(datacenter, service, failed, lost);
    if (!fresh) return true; // something else has changed it: the next pass looks again
    await this.carryOut(fresh.added, fresh.leaving, 'replaced', signal);
    return !failed;
  }

  /** Under the service's lock, and the tenant's, which the removal of the tenant takes as well. */
  private async decide(
    datacenter: Datacenter,
    service: BootstrapService,
    failed: Instance | undefined,
    lost: readonly LostInstance[],
  ): Promise<{ added: Instance[]; leaving: Instance[] } | undefined> {
    return this.transactions.run(async () => {
      if (!(await this.tenants.lock(datacenter.tenantId))) return undefined;
      const locked = await this.bootstraps.lock(service.id);
      if (locked?.specHash !== service.specHash || locked.state !== service.state) return undefined;
      const own = (await this.bootstraps.instancesAcrossTenants(datacenter.id)).filter(isOf(service));
      const restored = await this.restoreMissing(locked, own, lost);
      const plan = await this.plan(locked, [...own, ...restored]);
      const going = new Set(plan.remove);
      const leaving = own.filter(({ state, id }) => state === 'destroying' || going.has(id));
      for (const { id, tenantId } of leaving) await this.markLeaving(tenantId, id, 'replaced');
      const added: Instance[] = [...restored];
      for (const program of plan.create) added.push(await this.addInstance(datacenter, locked, program));
      if (failed)
        await this.turn(locked, 'failed', { lastError: failed.lastError ?? `${failed.id} does not run` });
      else await this.turn(locked, 'provisioning');
      return { added, leaving };
    });
  }

  /** What is missing may run all the same, without a row; of a service that was never installed there is nothing. */
  private async lostOf(
    service: BootstrapService,
    { create }: BootstrapPlan,
    signal: AbortSignal | undefined,
  ): Promise<LostInstance[]> {
    if (!create.length || service.state === 'pending') return [];
    const isOurs = (listed: ProviderInstance) =>
      listed.tenantId === service.tenantId && listed.labels[BOOTSTRAP_LABELS.bootstrap] === service.id;
    return this.lost.inStore(service.spec.provider ?? this.providers.default().name, isOurs, signal);
  }

  private async restoreMissing(
    { spec: { services, replicas } }: BootstrapService,
    own: readonly Instance[],
    lost: readonly LostInstance[],
  ): Promise<Instance[]> {
    const isPresent = (name: string) => (instance: Instance) =>
      instance.state !== 'destroying' && instance.labels[BOOTSTRAP_LABELS.program] === name;
    const wanted = services.flatMap(({ name }) =>
      lost
        .filter(({ notes }) => notes.labels[BOOTSTRAP_LABELS.program] === name)
        .slice(0, Math.max(0, replicas - own.filter(isPresent(name)).length)),
    );
    return this.lost.restore(wanted);
  }

  private async settle(service: BootstrapService): Promise<void> {
    if (service.state === 'running' && service.installedHash === service.specHash) return;
    const change = { installedHash: service.specHash, attempts: 0, nextAttemptIn: null, lastError: null };
    await this.transactions.run(async () => {
      const turned = await this.bootstraps.change(service.id, { ...change, state: 'running' }, [
        service.state,
      ]);
      if (!turned || service.installedHash === service.specHash) return;
      const { specHash, installedHash } = service;
      await this.tell(installedHash === undefined ? 'installed' : 'updated', turned, { specHash });
    });
  }

  private async retire(
    service: BootstrapService,
    own: readonly Instance[],
    { signal }: BootstrapStepOptions,
  ): Promise<boolean> {
    for (const { id, tenantId } of own) await this.markLeaving(tenantId, id, 'bootstrap_retired');
    await this.carryOut([], own, 'bootstrap_retired', signal);
    const { datacenterId } = service;
    if ((await this.bootstraps.instancesAcrossTenants(datacenterId)).some(isOf(service))) return true;
    await this.turn(service, 'retired', {
      installedHash: null,
      attempts: 0,
      nextAttemptIn: null,
      lastError: null,
    });
    return false;
  }

  private async carryOut(
    added: readonly Instance[],
    leaving: readonly Instance[],
    reason: DeletionReason,
    signal?: AbortSignal,
  ): Promise<void> {
    const { failures } = await forEachIsolated(added, { signal }, ({ id, tenantId }) =>
      this.instances.provision(tenantId, id, signal),
    );
    const removed = await forEachIsolated(leaving, { signal }, ({ id, tenantId }) =>
      this.instances.delete(tenantId, id, { reason, signal }),
    );
    const [first] = [...failures, ...removed.failures];
    if (first) throw first.error;
  }

  private async markLeaving(tenantId: Instance['tenantId'], id: InstanceId, deletionReason: DeletionReason) {
    await this.rows.change(tenantId, id, { state: 'destroying', deletionReason, requested: true });
  }

  private async addInstance(
    { tenantId, id: datacenterId }: Datacenter,
    { id, name, spec }: BootstrapService,
    program: BootstrapProgram,
  ): Promise<Instance> {
    return this.instances.register(tenantId, {
      name: `${name}-${program.name}`.slice(0, 63),
      provider: spec.provider ?? this.providers.default().name,
      spec: program.spec,
      labels: {
        ...spec.labels,
        [BOOTSTRAP_LABELS.system]: 'true',
        [BOOTSTRAP_LABELS.datacenter]: datacenterId,
        [BOOTSTRAP_LABELS.bootstrap]: id,
        [BOOTSTRAP_LABELS.program]: program.name,
        [BOOTSTRAP_LABELS.hash]: programHash(spec as CheckedBootstrapSpec, program),
      },
    });
  }

  /** Moves it to another state, and publishes the event that the state has, once for each change of state. */
  private async turn(
    service: BootstrapService,
    state: BootstrapState,
    more: BootstrapChange = {},
  ): Promise<void> {
    if (service.state === state && more.attempts === undefined) return;
    await this.transactions.run(async () => {
      const turned = await this.bootstraps.change(service.id, { ...more, state }, [service.state]);
      if (!turned || service.state === state) return;
      if (state === 'failed' || state === 'retired')
        await this.tell(state, turned, { error: turned.lastError });
    });
  }

  async tell(what: string, service: BootstrapService, more: object = {}): Promise<void> {
    const { id, tenantId, datacenterId, name, origin } = service;
    const payload = { bootstrapServiceId: id, datacenterId, name, origin, ...more };
    await this.events.publish({ type: `bootstrap.${what}`, tenantId, payload });
  }
}

export function isOf({ id }: BootstrapService): (instance: Instance) => boolean {
  return ({ labels }) => labels[BOOTSTRAP_LABELS.bootstrap] === id;
}
