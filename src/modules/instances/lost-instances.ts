import { Injectable } from '@nestjs/common';
import { Transactions } from '../database/transaction.js';
import { isId } from '../ids/typed-id.js';
import { type DesiredState, type ProviderInstance, type ProvisionRequest } from '../providers/provider.js';
import { ProviderRegistry } from '../providers/provider.registry.js';
import { ProviderStores } from '../providers/provider-stores.js';
import { InstanceEvents } from './instance-events.js';
import { type Instance } from './instance.js';
import { InstanceRepository } from './instance.repository.js';

/** An instance that a store holds without a row and without a record of its deletion. */
export interface LostInstance {
  provider: string;
  providerStore: string;
  notes: ProvisionRequest;
  desiredState: DesiredState;
}

/**
 * Instances whose rows are lost, as by `TRUNCATE` or a backup from before they were made, and how they get them back: what
 * runs is not started a second time.
 *
 * A row is deleted in one transaction with the record of that, after its provider has removed the instance. So what has
 * neither row nor record was not deleted, at whatever moment this looks.
 */
@Injectable()
export class LostInstances {
  constructor(
    private readonly instances: InstanceRepository,
    private readonly registry: ProviderRegistry,
    private readonly stores: ProviderStores,
    private readonly events: InstanceEvents,
    private readonly transactions: Transactions,
  ) {}

  /** Those in the store of that provider that this replica reaches, as `among` gives them. */
  async inStore(
    provider: string,
    isWanted: (listed: ProviderInstance) => boolean,
    signal?: AbortSignal,
  ): Promise<LostInstance[]> {
    const list = await this.registry.get(provider).list(signal);
    return this.among(provider, list.filter(isWanted), signal);
  }

  /**
   * Those of the listed whose row is lost, and of which the provider has kept what they were made from: those that run
   * first, the oldest of them before all.
   */
  async among(
    provider: string,
    listed: readonly ProviderInstance[],
    signal?: AbortSignal,
  ): Promise<LostInstance[]> {
    const known = listed.filter(({ instanceId, tenantId }) => isId('instance', instanceId) && tenantId);
    if (!known.length) return [];
    const lost = new Set(await this.instances.lostAcrossTenants(known.map(({ instanceId }) => instanceId)));
    if (!lost.size) return [];
    const providerStore = await this.stores.idOf(provider, signal);
    const found: LostInstance[] = [];
    for (const one of known.filter(({ instanceId }) => lost.has(instanceId)).sort(byUse)) {
      signal?.throwIfAborted();
      const notes = await this.registry.get(provider).notes?.(one.instanceId, signal);
      if (!notes || notes.tenantId !== one.tenantId) continue;
      found.push({ provider, providerStore, notes, desiredState: one.desiredState ?? 'running' });
    }
    return found;
  }

  /**
   * Gives them rows again, as they were made. Under the lock of whatever they belong to, which says how many there may be.
   * @returns those rows, `provisioning` until they are compared with the provider; one that has a row by now, or was deleted,
   *   is left out
   */
  async restore(lost: readonly LostInstance[]): Promise<Instance[]> {
    return this.transactions.run(async () => {
      const restored: Instance[] = [];
      for (const { notes, ...placement } of lost) {
        const { instanceId: id, tenantId, name, labels, spec } = notes;
        const instance = await this.instances.restore(tenantId, { id, name, labels, spec, ...placement });
        if (!instance) continue;
        await this.events.publish('instance.adopted', instance);
        restored.push(instance);
      }
      return restored;
    });
  }
}

function byUse(a: ProviderInstance, b: ProviderInstance): number {
  const runs = Number(b.state === 'running') - Number(a.state === 'running');
  return runs || Number(a.startedAt ?? 0) - Number(b.startedAt ?? 0);
}
