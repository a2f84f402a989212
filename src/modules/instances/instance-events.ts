import { Injectable } from '@nestjs/common';
import { EventBus } from '../events/event-bus.js';
import { type Drift, type Finding } from './instance-drift.js';
import { type Instance } from './instance.js';

/** Tells what becomes of instances, in the current transaction if there is one. */
@Injectable()
export class InstanceEvents {
  constructor(private readonly bus: EventBus) {}

  async publish(type: string, instance: Instance, more: object = {}): Promise<void> {
    const { id: instanceId, tenantId, workloadId, name, provider } = instance;
    const payload = { instanceId, workloadId, name, provider, ...more };
    await this.bus.publish({ type, tenantId, payload });
  }

  /** It was changed at the provider, by others. What was requested here, and what fails again, is not published. */
  async tellIfUnasked(instance: Instance, drift: Drift): Promise<void> {
    const isUnasked = drift === 'spec' || (drift === 'running' && instance.state === 'stopped');
    if (isUnasked && !instance.requestedAt && instance.attempts === 0)
      await this.publish('instance.drifted', instance, { drift });
  }

  async tellTurn(before: Instance, { state, ...now }: Instance): Promise<void> {
    const instance = { ...now, state };
    const hasRecovered = before.reason === 'exited' || before.reason === 'missing';
    if (state === 'running' && before.reason === 'crash_looping') return; // once it has been stable
    const type = state === 'running' && hasRecovered ? 'recovered' : state;
    await this.publish(`instance.${type}`, instance, { error: instance.lastError });
  }

  async tellSettled(before: Instance, now: Instance, repair?: Finding['repair']): Promise<void> {
    if (repair === 'restart') await this.publish('instance.restarted', now);
    if (repair === 'deploy') await this.publish('instance.deployed', now, { specHash: now.specHash });
    if (before.reason === 'crash_looping' && !now.reason && now.state === 'running')
      await this.publish('instance.recovered', now);
  }
}
