import { Injectable } from '@nestjs/common';
import { forEachIsolated } from '../concurrency/for-each-isolated.js';
import { everyItem } from '../database/page.js';
import { Transactions } from '../database/transaction.js';
import { EventBus } from '../events/event-bus.js';
import { type TenantId, type WorkloadId } from '../ids/typed-id.js';
import { type Condition, withConditions } from '../instances/condition.js';
import { type Instance } from '../instances/instance.js';
import { InstanceRepository } from '../instances/instance.repository.js';
import { type LostInstance, LostInstances } from '../instances/lost-instances.js';
import { InstancesService } from '../instances/instances.service.js';
import { InstanceReadiness } from '../instances/readiness.js';
import { LABELS, type ProviderInstance } from '../providers/provider.js';
import { UnknownTenantError } from '../tenants/tenant.errors.js';
import { TenantRepository } from '../tenants/tenant.repository.js';
import { type Deployment } from './deployment.js';
import { DeploymentRepository } from './deployment.repository.js';
import { planRollout, type RolloutPlan } from './rollout-plan.js';
import { UnknownWorkloadError } from './workload.errors.js';
import { type Workload } from './workload.js';
import { WorkloadRepository } from './workload.repository.js';

/** What one step came to. */
export interface WorkloadStep {
  /** The wanted instances, oldest first. */
  instances: Instance[];
  /** A deployment is active: there is another step when an instance has become ready. */
  rolling: boolean;
}

interface Decision {
  staying: Instance[];
  leaving: Instance[];
  rolling: boolean;
}

/**
 * Brings a workload's instances one step nearer to its spec. What to do is decided under the workload's lock, and
 * stored with the decision: new rows, and rows that are marked for deletion. Then providers are asked to follow. So
 * two that do it at the same time do not both add the last one, and a crash in between leaves rows that the next step,
 * or the reconciler, carries out.
 */
@Injectable()
export class WorkloadConvergence {
  private readonly beganAt = performance.now();

  constructor(
    private readonly workloads: WorkloadRepository,
    private readonly deployments: DeploymentRepository,
    private readonly instances: InstancesService,
    private readonly rows: InstanceRepository,
    private readonly lost: LostInstances,
    private readonly readiness: InstanceReadiness,
    private readonly tenants: TenantRepository,
    private readonly events: EventBus,
    private readonly transactions: Transactions,
  ) {}

  /**
   * @param retry whether to retry failed instances at once, without the rest of their backoff
   * @throws UnknownWorkloadError, UnknownProviderError, UnknownTenantError, InstancesLeftError
   */
  async step(
    tenantId: TenantId,
    id: WorkloadId,
    { retry, signal }: { retry: boolean; signal?: AbortSignal },
  ): Promise<WorkloadStep> {
    const { staying, leaving, rolling } = await this.decideKnowingWhatIsLost(tenantId, id, signal);
    for (const reason of ['scaled_down', 'replaced'] as const) {
      const going = leaving.filter((each) => isScaledDown(each) === (reason === 'scaled_down'));
      await this.instances.deleteEach(tenantId, going, { reason, signal });
    }
    const unsettled = staying
      .filter(({ desiredState }) => desiredState === 'running')
      .filter(
        ({ state, attempts }) =>
          (state === 'provisioning' && attempts === 0) || (retry && state === 'failed'),
      );
    const { failures } = await forEachIsolated(unsettled, { signal }, (instance) =>
      this.instances.provision(tenantId, instance.id, signal),
    );
    if (failures.length) throw failures[0]!.error;
    return { instances: await this.instancesOf(tenantId, id), rolling };
  }

  /** What the next step would be, without taking it. */
  async preview(tenantId: TenantId, id: WorkloadId): Promise<RolloutPlan> {
    const workload = await this.workloads.find(tenantId, id);
    if (!workload) throw new UnknownWorkloadError(tenantId, id);
    const deployment = await this.deployments.latest(tenantId, id);
    const staying = (await this.instancesOf(tenantId, id)).filter(({ state }) => state !== 'destroying');
    return (await this.plan(workload, deployment, staying)).plan;
  }

  /**
   * Gives those of its instances rows again whose rows are lost, as far as there are fewer than it asks for.
   * @returns those
   */
  async adopt(tenantId: TenantId, id: WorkloadId, lost: readonly LostInstance[]): Promise<Instance[]> {
    return this.transactions.run(async () => {
      const workload = await this.workloads.lock(tenantId, id);
      if (!workload) return [];
      const staying = (await this.instancesOf(tenantId, id)).filter(({ state }) => state !== 'destroying');
      return this.restoreMissing(workload, staying, lost);
    });
  }

  /** Forgets how often its instances have ended, as for a deployment that is begun again: what made them loop may be mended. */
  async forgive(tenantId: TenantId, id: WorkloadId): Promise<void> {
    for (const { id: instanceId, reason } of await this.instancesOf(tenantId, id))
      if (reason === 'crash_looping')
        await this.rows.change(tenantId, instanceId, { reason: null, attempts: 0, nextAttemptIn: null });
  }

  /** Instances that are missing may run all the same, without a row: that is looked up outside of the transaction. */
  private async decideKnowingWhatIsLost(
    tenantId: TenantId,
    id: WorkloadId,
    signal: AbortSignal | undefined,
  ): Promise<Decision> {
    const decided = await this.decide(tenantId, id);
    if (!('missingAt' in decided)) return decided;
    const isOurs = (listed: ProviderInstance) =>
      listed.tenantId === tenantId && listed.labels[LABELS.workload] === id;
    const lost = await this.lost.inStore(decided.missingAt, isOurs, signal);
    return (await this.decide(tenantId, id, lost)) as Decision;
  }

  /** @param lost what is known to be lost; without it nothing is made anew of a workload that had instances before */
  private async decide(
    tenantId: TenantId,
    id: WorkloadId,
    lost?: readonly LostInstance[],
  ): Promise<Decision | { missingAt: string }> {
    return this.transactions.run(async () => {
      const workload = await this.workloads.lock(tenantId, id);
      if (!workload) throw new UnknownWorkloadError(tenantId, id);
      const deployment = await this.deployments.latest(tenantId, id);
      const all = await this.instancesOf(tenantId, id);
      const leaving = all.filter(({ state }) => state === 'destroying');
      let staying = all.filter(({ state }) => state !== 'destroying');
      const isMissing = workload.replicas > staying.length;
      if (isMissing) await this.requireTenant(tenantId);
      // One that was never looked at has no conditions, and nothing of it can be lost.
      if (isMissing && !lost && workload.conditions.length) return { missingAt: workload.provider };
      staying = [...staying, ...(await this.restoreMissing(workload, staying, lost ?? []))];
      const { plan, ready } = await this.plan(workload, deployment, staying);
      const going = new Set(plan.remove);
      const isReplacing = staying.some(({ specHash }) => specHash !== workload.specHash);
      for (const instance of staying.filter(({ id }) => going.has(id))) {
        const deletionReason = isReplacing ? 'replaced' : 'scaled_down';
        const change = { state: 'destroying', deletionReason, requested: true } as const;
        const marked = await this.rows.change(tenantId, instance.id, change);
        if (marked) leaving.push(marked);
      }
      staying = staying.filter(({ id }) => !going.has(id));
      if (plan.create > 0) await this.requireTenant(tenantId);
      for (let n = 0; n < plan.create; n++) staying.push(await this.addInstance(workload));
      const rolling = await this.follow(workload, deployment, plan, staying);
      await this.note(workload, staying, ready.size, rolling);
      return { staying, leaving, rolling };
    });
  }

  /**
   * Of a tenant whose row is lost everything stays as it is, until a user has decided on the garbage collector's
   * brake.
   */
  private async requireTenant(tenantId: TenantId): Promise<void> {
    if (!(await this.tenants.find(tenantId))) throw new UnknownTenantError(tenantId);
  }

  private async restoreMissing(
    { replicas, deletionReason }: Workload,
    staying: readonly Instance[],
    lost: readonly LostInstance[],
  ): Promise<Instance[]> {
    if (deletionReason) return [];
    return this.lost.restore(lost.slice(0, Math.max(0, replicas - staying.length)));
  }

  private async plan(workload: Workload, deployment: Deployment | undefined, staying: readonly Instance[]) {
    const { specHash, replicas, rollout, paused } = workload;
    const ready = await this.readiness.ready(staying, rollout.minReady);
    const halted = paused || deployment?.state === 'failed';
    const plan = planRollout(
      { specHash, replicas, rollout, halted },
      staying.map((instance) => ({
        id: instance.id,
        specHash: instance.specHash,
        ready: ready.has(instance.id),
      })),
    );
    return { plan, ready };
  }

  /** @returns whether the deployment goes on */
  private async follow(
    workload: Workload,
    deployment: Deployment | undefined,
    plan: RolloutPlan,
    staying: readonly Instance[],
  ): Promise<boolean> {
    if (deployment?.state !== 'rolling') return false;
    const { tenantId } = workload;
    if (plan.done) {
      if (await this.deployments.end(tenantId, deployment.id, 'succeeded'))
        await this.tell('deployment.succeeded', deployment, workload);
      return false;
    }
    if (workload.paused) return false;
    if (plan.readyNew > deployment.progress)
      await this.deployments.progress(tenantId, deployment.id, plan.readyNew);
    const reason = await this.failureOf(workload, deployment, plan, staying);
    if (reason === undefined) return true;
    if (await this.deployments.end(tenantId, deployment.id, 'failed', reason))
      await this.tell('deployment.failed', deployment, workload, { reason });
    return true; // the new ones that are too many are still to go
  }

  private async failureOf(
    { rollout, specHash }: Workload,
    deployment: Deployment,
    plan: RolloutPlan,
    staying: readonly Instance[],
  ): Promise<string | undefined> {
    const fresh = staying.filter((each) => each.specHash === specHash);
    const looping = fresh.find((each) => each.reason === 'crash_looping');
    if (looping) return `${looping.id} is crash-looping: ${looping.lastError ?? 'it ends again and again'}`;
    if (plan.readyNew > deployment.progress) return undefined;
    const silence = Number(await this.rows.now()) - Number(deployment.progressedAt);
    // While all replicas were down nobody looked, which says nothing of the new spec.
    if (Math.min(silence, performance.now() - this.beganAt) < rollout.progressDeadline) return undefined;
    const failed = fresh.find((each) => each.lastError !== undefined);
    const why = failed ? `${failed.id} ${failed.lastError}` : await this.readiness.reasonAgainst(fresh);
    const detail = why === undefined ? '' : `: ${why}`;
    return `nothing more has become ready within ${rollout.progressDeadline} ms${detail}`;
  }

  private async note(
    workload: Workload,
    staying: readonly Instance[],
    ready: number,
    rolling: boolean,
  ): Promise<void> {
    const { tenantId, id, replicas, rollout, conditions, paused } = workload;
    const failing = staying.find(({ state }) => state === 'failed');
    const isAvailable = ready >= replicas - rollout.maxUnavailable;
    const found: Omit<Condition, 'since'>[] = [
      {
        type: 'Available',
        status: isAvailable,
        reason: isAvailable ? 'ready' : (failing?.reason ?? 'not_ready'),
        message: isAvailable ? '' : (failing?.lastError ?? ''),
      },
      {
        type: 'Progressing',
        status: rolling,
        reason: paused ? 'paused' : rolling ? 'rolling' : 'idle',
        message: '',
      },
    ];
    const next = withConditions(conditions, found, await this.rows.now());
    if (next !== conditions) await this.workloads.change(tenantId, id, { conditions: [...next] });
  }

  private async addInstance({ id, tenantId, name, provider, spec, labels }: Workload): Promise<Instance> {
    return this.instances.register(tenantId, { name, workloadId: id, provider, spec, labels });
  }

  private async instancesOf(tenantId: TenantId, workloadId: WorkloadId): Promise<Instance[]> {
    const instances: Instance[] = [];
    for await (const instance of everyItem((after) => this.instances.list(tenantId, { workloadId, after }))) {
      instances.push(instance);
    }
    return instances;
  }

  private async tell(
    type: string,
    deployment: Deployment,
    { name }: Workload,
    more: object = {},
  ): Promise<void> {
    const { id: deploymentId, tenantId, workloadId, specHash } = deployment;
    const payload = { deploymentId, workloadId, name, specHash, ...more };
    await this.events.publish({ type, tenantId, payload });
  }
}

function isScaledDown({ deletionReason }: Instance): boolean {
  return deletionReason !== 'replaced';
}
