import { randomUUID } from 'node:crypto';
import { type InstanceId } from '../../src/modules/ids/typed-id.js';
import { InstanceChanges } from '../../src/modules/providers/instance-changes.js';
import {
  CapabilityNotSupportedError,
  InstanceNotProvisionedError,
} from '../../src/modules/providers/provider.errors.js';
import {
  type Capability,
  type ExecResult,
  type InstanceSpec,
  type InstanceStats,
  type Provider,
  type ProviderChange,
  type ProviderInfo,
  type ProviderInstance,
  type ProvisionRequest,
  type Resources,
} from '../../src/modules/providers/provider.js';
import { specHash } from '../../src/modules/providers/spec-hash.js';

/** What a test lets happen around a call, before it has its effect. Rejecting makes the call fail. */
type Fault = (id: InstanceId, signal?: AbortSignal) => Promise<void>;

type Held = ProvisionRequest & {
  state: 'running' | 'stopped' | 'exited';
  startedAt: Date;
  exitCode?: number;
  /** How often it was started. */
  starts: number;
};

/** Runs nothing: a map of what would run, and hooks to let calls fail, wait and race. */
export class InMemoryProvider implements Provider {
  /** Everything that it holds. */
  readonly running = new Map<InstanceId, Held>();
  /** Every call that had its effect, in order. */
  readonly done: string[] = [];
  beforeProvision: Fault = async () => undefined;
  afterProvision: Fault = async () => undefined;
  beforeDeprovision: Fault = async () => undefined;
  afterDeprovision: Fault = async () => undefined;
  beforeStart: Fault = async () => undefined;
  beforeList: (signal?: AbortSignal) => Promise<void> = async () => undefined;
  afterList: () => Promise<void> = async () => undefined;
  /** Whether it says that several may reach its store. */
  shared = false;
  private readonly changes = new InstanceChanges();

  constructor(
    private readonly name = 'memory',
    private readonly store = `memory_${randomUUID()}`,
  ) {}

  info(): ProviderInfo {
    return { name: this.name, description: 'for tests', shared: this.shared };
  }

  async storeId(): Promise<string> {
    return this.store;
  }

  capabilities(): ReadonlySet<Capability> {
    return new Set<Capability>(['deploy']);
  }

  async provision(request: ProvisionRequest, signal?: AbortSignal): Promise<ProviderInstance> {
    signal?.throwIfAborted();
    await this.beforeProvision(request.instanceId, signal);
    const found = this.running.get(request.instanceId);
    if (found?.state !== 'running') this.hold(found ? { ...found } : request);
    this.done.push(`provision ${request.instanceId}`);
    await this.afterProvision(request.instanceId, signal);
    return this.describe(this.held(request.instanceId));
  }

  async deprovision(id: InstanceId, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await this.beforeDeprovision(id, signal);
    this.running.delete(id);
    this.done.push(`deprovision ${id}`);
    await this.afterDeprovision(id, signal);
  }

  async status(id: InstanceId): Promise<ProviderInstance> {
    const held = this.running.get(id);
    return held ? this.describe(held) : { instanceId: id, state: 'missing', labels: {}, endpoints: [] };
  }

  async notes(id: InstanceId): Promise<ProvisionRequest | undefined> {
    const { instanceId, tenantId, name, labels, spec } = this.running.get(id) ?? {};
    if (!instanceId || !tenantId || !name || !labels || !spec) return undefined;
    return { instanceId, tenantId, name, labels, spec };
  }

  async list(signal?: AbortSignal): Promise<ProviderInstance[]> {
    await this.beforeList(signal);
    const all = [...this.running.values()].map((held) => this.describe(held));
    await this.afterList();
    return all;
  }

  watch(signal: AbortSignal): AsyncIterable<ProviderChange> {
    return this.changes.watch(signal);
  }

  /** For a test to set. */
  healthCheck?: () => Promise<void>;

  /** For a test to set: then it reads one by one. */
  statsReaders?: Provider['statsReaders'];

  async stats(): Promise<InstanceStats[]> {
    return [];
  }

  async start(id: InstanceId, signal?: AbortSignal): Promise<ProviderInstance> {
    await this.beforeStart(id, signal);
    if (this.held(id).state !== 'running') this.hold(this.held(id));
    this.done.push(`start ${id}`);
    return this.describe(this.held(id));
  }

  async stop(id: InstanceId): Promise<void> {
    const held = this.running.get(id);
    if (held) this.running.set(id, { ...held, state: 'stopped' });
    this.done.push(`stop ${id}`);
  }

  async restart(id: InstanceId): Promise<ProviderInstance> {
    this.hold(this.held(id));
    this.done.push(`restart ${id}`);
    return this.describe(this.held(id));
  }

  async deploy(id: InstanceId, spec: InstanceSpec): Promise<ProviderInstance> {
    this.hold({ ...this.held(id), spec });
    this.done.push(`deploy ${id}`);
    return this.describe(this.held(id));
  }

  /** The program ends by itself. */
  crash(id: InstanceId, exitCode = 1): void {
    this.running.set(id, { ...this.held(id), state: 'exited', exitCode });
    this.changes.tell(id, 'exited');
  }

  rollback = (): Promise<ProviderInstance> => this.unsupported('rollback');
  scale = (): Promise<void> => this.unsupported('scale');
  resources = (): Promise<Resources> => this.unsupported('resources');
  logs = (): Promise<string[]> => this.unsupported('logs');
  exec = (): Promise<ExecResult> => this.unsupported('exec');

  private hold(request: ProvisionRequest): void {
    this.running.set(request.instanceId, {
      ...request,
      state: 'running',
      startedAt: new Date(),
      exitCode: undefined,
      starts: (this.running.get(request.instanceId)?.starts ?? 0) + 1,
    });
  }

  private held(id: InstanceId): Held {
    const held = this.running.get(id);
    if (!held) throw new InstanceNotProvisionedError(id, this.name);
    return held;
  }

  private describe({
    instanceId,
    tenantId,
    labels,
    state,
    startedAt,
    exitCode,
    spec,
    starts,
  }: Held): ProviderInstance {
    return {
      instanceId,
      tenantId,
      state,
      labels,
      endpoints: [{ name: 'http', host: '127.0.0.1', port: 8080 }],
      ref: starts > 1 ? `ref-${instanceId}-${starts}` : `ref-${instanceId}`,
      startedAt,
      exitCode,
      specHash: specHash(spec),
      desiredState: state === 'stopped' ? 'stopped' : 'running',
    };
  }

  private unsupported(capability: Capability): Promise<never> {
    return Promise.reject(new CapabilityNotSupportedError(this.name, capability));
  }
}
