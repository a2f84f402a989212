import { type InstanceId } from '../ids/typed-id.js';
import { CapabilityNotSupportedError } from './provider.errors.js';
import {
  type Capability,
  type ExecResult,
  type InstanceStats,
  type Provider,
  type ProviderChange,
  type ProviderInfo,
  type ProviderInstance,
  type ProvisionRequest,
  type Resources,
} from './provider.js';

/**
 * A provider to start from: what is left to you is what none can do without. It has no capabilities, no readings, and
 * tells of no changes, so that its store is compared at the interval alone. Override what yours can do better.
 */
export abstract class BaseProvider implements Provider {
  abstract info(): ProviderInfo;
  abstract storeId(signal?: AbortSignal): Promise<string>;
  abstract provision(request: ProvisionRequest, signal?: AbortSignal): Promise<ProviderInstance>;
  abstract deprovision(id: InstanceId, signal?: AbortSignal): Promise<void>;
  abstract start(id: InstanceId, signal?: AbortSignal): Promise<ProviderInstance>;
  abstract stop(id: InstanceId, signal?: AbortSignal): Promise<void>;
  abstract list(signal?: AbortSignal): Promise<ProviderInstance[]>;

  capabilities(): ReadonlySet<Capability> {
    return new Set();
  }

  async restart(id: InstanceId, signal?: AbortSignal): Promise<ProviderInstance> {
    await this.stop(id, signal);
    return this.start(id, signal);
  }

  async status(instanceId: InstanceId, signal?: AbortSignal): Promise<ProviderInstance> {
    const found = (await this.list(signal)).find((instance) => instance.instanceId === instanceId);
    return found ?? { instanceId, state: 'missing', labels: {}, endpoints: [] };
  }

  async stats(): Promise<InstanceStats[]> {
    return [];
  }

  async *watch(signal: AbortSignal): AsyncGenerator<ProviderChange> {
    if (!signal.aborted)
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  }

  deploy(..._: Parameters<Provider['deploy']>): Promise<ProviderInstance> {
    return this.refuse('deploy');
  }

  rollback(..._: Parameters<Provider['rollback']>): Promise<ProviderInstance> {
    return this.refuse('rollback');
  }

  scale(..._: Parameters<Provider['scale']>): Promise<void> {
    return this.refuse('scale');
  }

  resources(..._: Parameters<Provider['resources']>): Promise<Resources> {
    return this.refuse('resources');
  }

  logs(..._: Parameters<Provider['logs']>): Promise<string[]> {
    return this.refuse('logs');
  }

  exec(..._: Parameters<Provider['exec']>): Promise<ExecResult> {
    return this.refuse('exec');
  }

  private refuse(capability: Capability): Promise<never> {
    return Promise.reject(new CapabilityNotSupportedError(this.info().name, capability));
  }
}
