import { type InstanceId } from '../../ids/typed-id.js';
import { type ProviderInstance } from '../provider.js';

/**
 * Instances that this process is changing. Services start one by one, so an instance that has several is `unknown` until all
 * run: its services that have not started yet do not count as ended.
 */
export class BusyInstances {
  private readonly changes = new Map<InstanceId, number>();

  async during<T>(id: InstanceId, change: () => Promise<T>): Promise<T> {
    this.changes.set(id, (this.changes.get(id) ?? 0) + 1);
    try {
      return await change();
    } finally {
      const left = this.changes.get(id)! - 1;
      if (left > 0) this.changes.set(id, left);
      else this.changes.delete(id);
    }
  }

  seen(instance: ProviderInstance): ProviderInstance {
    const isBetween =
      instance.services && instance.state !== 'running' && this.changes.has(instance.instanceId);
    return isBetween ? { ...instance, state: 'unknown' } : instance;
  }
}
