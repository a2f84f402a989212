import {
  InstanceNotProvisionedError,
  CapabilityNotSupportedError,
} from '../../src/modules/providers/provider.errors.js';
import {
  type Capability,
  type ExecResult,
  type Provider,
  type ProviderInfo,
  type ProviderInstance,
  type ProvisionRequest,
  type Resources,
} from '../../src/modules/providers/provider.js';
import { type InstanceId } from '../../src/modules/ids/typed-id.js';

/** What a test lets happen around a call, before it has its effect. Rejecting makes the call fail. */
type Fault = (id: InstanceId, signal?: AbortSignal) => Promise<void>;

/** Runs nothing: a map of what would run, and hooks to let calls fail, wait and race. */
export class InMemoryProvider implements Provider {
  readonly running = new Map<InstanceId, ProvisionRequest>();
  /** Every call that had its effect, in order. */
  readonly done: string[] = [];
  beforeProvision: Fault = async () => undefined;
  afterProvision: Fault = async () => undefined;
  beforeDeprovision: Fault = async () => undefined;
  afterDeprovision: Fault = async () => undefined;

  info(): ProviderInfo {
    return { name: 'memory', description: 'for tests' };
  }

  capabilities(): ReadonlySet<Capability> {
    return new Set();
  }

  async provision(request: ProvisionRequest, signal?: AbortSignal): Promise<ProviderInstance> {
    signal?.throwIfAborted();
    await this.beforeProvision(request.instanceId, signal);
    this.running.set(request.instanceId, request);
    this.done.push(`provision ${request.instanceId}`);
    await this.afterProvision(request.instanceId, signal);
    return this.describe(request);
  }

  async deprovision(id: InstanceId, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await this.beforeDeprovision(id, signal);
    this.running.delete(id);
    this.done.push(`deprovision ${id}`);
    await this.afterDeprovision(id, signal);
  }

  async status(id: InstanceId): Promise<ProviderInstance> {
    const request = this.running.get(id);
    if (!request) throw new InstanceNotProvisionedError(id, 'memory');
    return this.describe(request);
  }

  async list(): Promise<ProviderInstance[]> {
    return [...this.running.values()].map((request) => this.describe(request));
  }

  start = (): Promise<ProviderInstance> => this.unsupported('exec');
  stop = (): Promise<void> => this.unsupported('exec');
  restart = (): Promise<ProviderInstance> => this.unsupported('exec');
  deploy = (): Promise<ProviderInstance> => this.unsupported('deploy');
  rollback = (): Promise<ProviderInstance> => this.unsupported('rollback');
  scale = (): Promise<void> => this.unsupported('scale');
  resources = (): Promise<Resources> => this.unsupported('resources');
  logs = (): Promise<string[]> => this.unsupported('logs');
  exec = (): Promise<ExecResult> => this.unsupported('exec');

  private describe({ instanceId, tenantId, labels }: ProvisionRequest): ProviderInstance {
    const endpoints = [{ name: 'http', host: '127.0.0.1', port: 8080 }];
    return { instanceId, tenantId, state: 'running', labels, endpoints, ref: `ref-${instanceId}` };
  }

  private unsupported(capability: Capability): Promise<never> {
    return Promise.reject(new CapabilityNotSupportedError('memory', capability));
  }
}
