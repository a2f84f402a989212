import { type InstanceId, type TenantId } from '../ids/typed-id.js';

/** What an instance is to run. The same shape for every provider; each says in `capabilities` what it can do. */
export interface InstanceSpec {
  /** Program and arguments. No shell is involved. */
  command: string[];
  /** Container image; providers that run plain processes ignore it. */
  image?: string;
  /** Environment variables beside the few that the provider sets itself. */
  env?: Record<string, string>;
  /** Absolute working directory; default is the provider's. */
  workingDirectory?: string;
  /** Ports that the instance listens on. The provider picks a free one each and tells it by `env`. */
  ports?: PortSpec[];
}

export interface PortSpec {
  /** Name of the endpoint, such as `http`. */
  name: string;
  /** Environment variable that carries the number, such as `PORT`. */
  env: string;
}

/** Where an instance answers. */
export interface Endpoint {
  name: string;
  host: string;
  port: number;
}

/** Labels that mean something to the control plane. */
export const LABELS = {
  /** The instance's own id: put there by the provider, so that `list()` finds what has no row. */
  instance: 'ctrlplane.instance',
  tenant: 'ctrlplane.tenant',
  /** The workload that the instance belongs to. */
  workload: 'ctrlplane.workload',
  /** `protect`: the garbage collector never touches it. */
  gc: 'ctrlplane.gc',
} as const;

export type Labels = Record<string, string>;

export interface ProvisionRequest {
  instanceId: InstanceId;
  tenantId: TenantId;
  name: string;
  spec: InstanceSpec;
  labels: Labels;
}

/**
 * `missing`: the provider has nothing of that id. `stopped`: it is known, and was told to stop. `exited`: it is
 * known and should run, but does not. `unknown`: the provider cannot say; no reason to delete anything.
 */
export type ProviderState = 'running' | 'stopped' | 'exited' | 'missing' | 'unknown';

/** What the provider says of one instance right now. */
export interface ProviderInstance {
  instanceId: InstanceId;
  /** Absent when the provider holds nothing that says so: the instance is `missing`, or `unknown`. */
  tenantId?: TenantId;
  state: ProviderState;
  labels: Labels;
  endpoints: Endpoint[];
  /** How the provider names it: a pid, a container id. Absent when missing. */
  ref?: string;
  startedAt?: Date;
  exitCode?: number;
}

export interface ProviderInfo {
  name: string;
  description: string;
}

export type Capability = 'deploy' | 'rollback' | 'scale' | 'resources' | 'logs' | 'exec';

export interface Resources {
  /** Percent of one core, so 2 busy cores are 200. */
  cpuPercent: number;
  memoryBytes: number;
  readAt: Date;
}

export interface ScaleRequest {
  cpuCores?: number;
  memoryBytes?: number;
}

export interface LogOptions {
  /** Last lines to return. Default 100. */
  tail?: number;
}

export interface ExecResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/**
 * Something that runs instances: OS processes, containers, …
 *
 * Every call takes a signal and rejects with its reason when it aborts. Calls converge: repeating one after
 * a crash at any step ends in the same state, and `deprovision` of something already gone is success.
 * An unknown id is `InstanceNotProvisionedError`, except in `deprovision`, `stop` and `status`; a malformed one
 * `InvalidIdError`. What is not among the capabilities is `CapabilityNotSupportedError`. `providerContract`
 * has it all as tests.
 */
export interface Provider {
  info(): ProviderInfo;
  capabilities(): ReadonlySet<Capability>;
  /**
   * Makes it run, or returns the one that runs already under this id, whatever its spec: that is changed by
   * `deploy`. A program that cannot be started is `ProvisionFailedError`.
   */
  provision(request: ProvisionRequest, signal?: AbortSignal): Promise<ProviderInstance>;
  /** Stops it and removes all that the provider holds of it. */
  deprovision(id: InstanceId, signal?: AbortSignal): Promise<void>;
  start(id: InstanceId, signal?: AbortSignal): Promise<ProviderInstance>;
  stop(id: InstanceId, signal?: AbortSignal): Promise<void>;
  restart(id: InstanceId, signal?: AbortSignal): Promise<ProviderInstance>;
  status(id: InstanceId, signal?: AbortSignal): Promise<ProviderInstance>;
  /** Everything that it runs with our labels, with or without a row, so that a pass costs one call. */
  list(signal?: AbortSignal): Promise<ProviderInstance[]>;
  /** Replaces the spec and restarts; the one before is kept for `rollback`. */
  deploy(id: InstanceId, spec: InstanceSpec, signal?: AbortSignal): Promise<ProviderInstance>;
  /** Back to the spec before the last `deploy`, and no further: repeating it changes nothing. */
  rollback(id: InstanceId, signal?: AbortSignal): Promise<ProviderInstance>;
  scale(id: InstanceId, request: ScaleRequest, signal?: AbortSignal): Promise<void>;
  /** Of a running instance; any other is `InstanceNotRunningError`. */
  resources(id: InstanceId, signal?: AbortSignal): Promise<Resources>;
  logs(id: InstanceId, options?: LogOptions, signal?: AbortSignal): Promise<string[]>;
  /** In a running instance; any other is `InstanceNotRunningError`. Aborting ends the command. */
  exec(id: InstanceId, command: string[], signal?: AbortSignal): Promise<ExecResult>;
  /** Rejects when the provider itself cannot be reached. */
  healthCheck?(signal?: AbortSignal): Promise<void>;
}
