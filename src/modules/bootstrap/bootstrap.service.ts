import { Injectable } from '@nestjs/common';
import { requireTenantAccess } from '../auth/claims.js';
import { forEachIsolated } from '../concurrency/for-each-isolated.js';
import { Transactions } from '../database/transaction.js';
import { type Datacenter } from '../datacenters/datacenter.js';
import { type InstanceBackoff } from '../instances/instance-backoff.js';
import { BootstrapConvergence, isOf } from './bootstrap-convergence.js';
import { BootstrapDesired, type DesiredService } from './bootstrap-desired.js';
import { type BootstrapService } from './bootstrap-service.js';
import { BootstrapRepository } from './bootstrap.repository.js';
import { bootstrapHash } from './bootstrap-spec.js';

export interface BootstrapPassOptions {
  backoff: InstanceBackoff;
  concurrency: number;
  /** What a hook may take, in milliseconds. */
  hookTimeout: number;
  signal?: AbortSignal | undefined;
}

/** What would be done to one service of a datacenter. */
export interface PlannedBootstrap {
  name: string;
  action: 'install' | 'update' | 'retire' | 'repair';
  create: number;
  remove: number;
}

/** Bootstrap services of datacenters: the platform's own, which every tenant's datacenter gets. */
@Injectable()
export class BootstrapServices {
  constructor(
    private readonly bootstraps: BootstrapRepository,
    private readonly desired: BootstrapDesired,
    private readonly convergence: BootstrapConvergence,
    private readonly transactions: Transactions,
  ) {}

  /** Those of a datacenter by name, retired ones as well. Takes claims that cover the tenant. */
  async list({ tenantId, id }: Pick<Datacenter, 'tenantId' | 'id'>): Promise<BootstrapService[]> {
    requireTenantAccess(tenantId);
    return (await this.bootstraps.listAcrossTenants(id)).filter((service) => service.tenantId === tenantId);
  }

  /**
   * One pass over one datacenter, a unit of its own: what is wanted is noted, then each service takes a step. An offline
   * datacenter is left alone; one that is drained, or under maintenance, gets nothing new.
   * @returns whether another pass is to follow soon
   */
  async reconcile(datacenter: Datacenter, options: BootstrapPassOptions): Promise<boolean> {
    requireTenantAccess(datacenter.tenantId);
    if (datacenter.status === 'offline') return false;
    const { hookTimeout, signal, concurrency, backoff } = options;
    const frozen = datacenter.status !== 'active';
    const desired = await this.desired.of(datacenter, hookTimeout, signal);
    await this.note(datacenter, desired, frozen);
    const now = Date.now();
    const due = (await this.bootstraps.listAcrossTenants(datacenter.id)).filter(
      ({ state, nextAttemptAt }) => state !== 'retired' && (!nextAttemptAt || Number(nextAttemptAt) <= now),
    );
    if (!due.length) return false;
    const instances = await this.bootstraps.instancesAcrossTenants(datacenter.id);
    let again = false;
    const { failures } = await forEachIsolated(due, { concurrency, signal }, async (service) => {
      const own = instances.filter(isOf(service));
      if (await this.convergence.step(datacenter, service, own, { backoff, frozen, signal })) again = true;
    });
    if (failures.length) throw failures[0]!.error;
    return again;
  }

  /** What a pass would change, and nothing is changed. */
  async preview(
    datacenter: Datacenter,
    hookTimeout: number,
    signal?: AbortSignal,
  ): Promise<PlannedBootstrap[]> {
    requireTenantAccess(datacenter.tenantId);
    if (datacenter.status === 'offline') return [];
    const desired = await this.desired.of(datacenter, hookTimeout, signal, false);
    const services = await this.bootstraps.listAcrossTenants(datacenter.id);
    const instances = await this.bootstraps.instancesAcrossTenants(datacenter.id);
    const planned: PlannedBootstrap[] = [];
    for (const service of services) {
      const wanted = desired.get(service.name);
      desired.delete(service.name);
      if (!wanted && service.state === 'retired') continue;
      const spec = wanted?.spec ?? service.spec;
      const state = wanted ? 'provisioning' : 'retiring';
      const plan = await this.convergence.plan({ ...service, spec, state }, instances.filter(isOf(service)));
      const isChanged = wanted !== undefined && bootstrapHash(wanted.spec) !== service.specHash;
      if (plan.done && wanted && !isChanged && service.state === 'running') continue;
      planned.push({
        name: service.name,
        action: !wanted
          ? 'retire'
          : service.installedHash === undefined
            ? 'install'
            : isChanged
              ? 'update'
              : 'repair',
        create: plan.create.length,
        remove: plan.remove.length,
      });
    }
    for (const { spec } of desired.values())
      planned.push({
        name: spec.name,
        action: 'install',
        create: spec.replicas * spec.services.length,
        remove: 0,
      });
    return planned;
  }

  /** Rows become what is wanted; nothing is made or removed yet. */
  private async note(
    datacenter: Datacenter,
    desired: ReadonlyMap<string, DesiredService>,
    frozen: boolean,
  ): Promise<void> {
    const services = await this.bootstraps.listAcrossTenants(datacenter.id);
    const known = new Map(services.map((service) => [service.name, service]));
    for (const { origin, spec } of desired.values()) {
      const service = known.get(spec.name);
      if (!service) {
        if (!frozen) await this.bootstraps.insert(datacenter, origin, spec);
        continue;
      }
      const isBack = service.state === 'retiring' || service.state === 'retired';
      const isChanged = bootstrapHash(spec) !== service.specHash;
      if (!isBack && !isChanged && origin === service.origin) continue;
      if (frozen && (isBack || isChanged)) continue;
      const anew = { attempts: 0, nextAttemptIn: null, lastError: null };
      const state = isBack
        ? 'pending'
        : isChanged && service.state === 'running'
          ? 'provisioning'
          : service.state;
      await this.bootstraps.change(
        service.id,
        { origin, state, ...((isBack || isChanged) && { spec, ...anew }) },
        [service.state],
      );
    }
    for (const service of services) {
      if (desired.has(service.name) || service.state === 'retiring' || service.state === 'retired') continue;
      await this.transactions.run(async () => {
        const turned = await this.bootstraps.change(
          service.id,
          { state: 'retiring', attempts: 0, nextAttemptIn: null },
          [service.state],
        );
        if (turned) await this.convergence.tell('retiring', turned);
      });
    }
  }
}
