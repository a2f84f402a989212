import { type InstanceId } from '../../ids/typed-id.js';
import { type ProviderInstance } from '../provider.js';

/**
 * Instances that are being changed by this process. Of one with several services, which are started one by one, nobody can
 * say meanwhile what it is: it is `unknown`, so that nobody takes a start that goes on for an instance that has ended.
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
