import { type InstanceId, type TenantId } from '../ids/typed-id.js';
import { type InstanceSpec } from './instance-spec.js';
import { type ServiceKind } from './services/service-spec.js';

export * from './instance-spec.js';

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
  ref?: string | undefined;
  startedAt?: Date;
  exitCode?: number;
  /** `specHash` of what it was started from. Absent when the provider holds nothing that says so. */
  specHash?: string;
  /** What it was last told to be. Absent when the provider holds nothing that says so. */
  desiredState?: DesiredState;
  /** Of an instance with several services: each of them, the main program first. */
  services?: ServiceStatus[];
}

/** What the provider says of one service of an instance. */
export interface ServiceStatus {
  name: string;
  kind: ServiceKind | 'main';
  /** An init service that has done its work is `exited` with code 0. */
  state: ProviderState;
  ref?: string | undefined;
  startedAt?: Date | undefined;
  exitCode?: number | undefined;
}

export type DesiredState = 'running' | 'stopped';

/**
 * Raw readings of one running instance, of its program and all that belongs to it. Counters grow from
 * `startedAt` on; who wants a rate takes two readings and their own `readAt`. `null`: not available here.
 */
export interface InstanceStats {
  instanceId: InstanceId;
  tenantId: TenantId;
  labels: Labels;
  /** When this one was read. */
  readAt: Date;
  /** When the counters began at zero. */
  startedAt: Date | null;
  /** Time on a core, user and system, of what has ended since as well. */
  cpuSeconds: number | null;
  /** Time in which it could have run, and its limit kept it from it. */
  cpuThrottledSeconds: number | null;
  cpuLimitCores: number | null;
  /** Memory that cannot be had back by dropping file caches. */
  memoryWorkingSetBytes: number | null;
  memoryLimitBytes: number | null;
  /** Read from storage, not from the file cache. */
  ioReadBytes: number | null;
  ioWriteBytes: number | null;
  networkReceiveBytes: number | null;
  networkTransmitBytes: number | null;
  /** How often the kernel has ended a process of it for want of memory. */
  oomKills: number | null;
  processes: number | null;
  /** Of an instance with several services: each of them that runs. Those above are their sums. */
  services?: ServiceStats[];
}

/** Readings of one service of an instance. */
export type ServiceStats = Omit<InstanceStats, 'instanceId' | 'tenantId' | 'labels' | 'services'> & {
  service: string;
};

/** A running instance whose reading may take a call of its own. */
export interface StatsReader {
  instanceId: InstanceId;
  /**
   * What a call for many instances tells of it, where the store has one. All readers may be asked at once; it does not reject but
   * with the reason of its signal.
   * @returns undefined when there is no such call, or when its answer is not there soon: then `read` has it
   */
  readTogether?(signal?: AbortSignal): Promise<InstanceStats | undefined>;
  /** @returns undefined when the instance has ended meanwhile */
  read(signal?: AbortSignal): Promise<InstanceStats | undefined>;
}

/** What `watch` tells: something became of the instance; look at it. */
export interface ProviderChange {
  instanceId: InstanceId;
  /** `exited`: it ended by itself. `changed`: anything else, also what was asked for through this provider. */
  change: 'exited' | 'changed';
}

export interface ProviderInfo {
  name: string;
  description: string;
  /** Whether several replicas may reach its store at the same time, as they do a daemon's. Default false. */
  shared?: boolean;
}

/** Those after `exec` are parts of a spec that a provider heeds. */
export type Capability =
  | 'deploy'
  | 'rollback'
  | 'scale'
  | 'resources'
  | 'logs'
  | 'logs.since'
  | 'exec'
  | 'images'
  | 'limits'
  | 'volumes'
  | 'networks'
  | 'services';

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

/** Images that were removed. */
export interface PrunedImages {
  removed: string[];
  bytes: number;
}

/** Room of an instance that stays when the instance is removed. */
export interface ProviderVolume {
  /** How the store names it. */
  name: string;
  instanceId: InstanceId;
  tenantId?: TenantId;
}

export interface LogOptions {
  /** Whose log, of an instance with several services. Default `main`. */
  service?: string | undefined;
  /** Last lines to return. Default 100. */
  tail?: number | undefined;
  /** Only lines from then on. A provider without `logs.since` refuses it. */
  since?: Date | undefined;
}

export interface ExecOptions {
  /** In which one, of an instance with several services. Default `main`. */
  service?: string | undefined;
}

export interface ExecResult {
  exitCode: number;
  stdout: string;
  stderr: string;
  /** The command wrote more to one of them than the provider keeps, which is the beginning. */
  truncated?: true;
}

/**
 * Something that runs instances: OS processes, containers, …
 *
 * Every call takes a signal and rejects with its reason when it aborts. Calls converge: repeating one after
 * a crash at any step ends in the same state, and `deprovision` of something already gone is success.
 * An unknown id is `InstanceNotProvisionedError`, except in `deprovision`, `stop` and `status`; a malformed one
 * `InvalidIdError`; an unknown service `UnknownServiceError`. What is not among the capabilities is
 * `CapabilityNotSupportedError`. `providerContract` has it all as tests.
 */
export interface Provider {
  info(): ProviderInfo;
  /**
   * Identity of what holds the instances: a directory on one host, a daemon. The same for everybody who
   * reaches the same store, another for every other, and kept for as long as the store is. Of instances in
   * other stores the provider knows nothing: its `missing` is no word on them.
   */
  storeId(signal?: AbortSignal): Promise<string>;
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
  /**
   * Everything that it runs with our labels, with or without a row, so that a pass costs one call. All of it or
   * an error: an instance that is not in it is `missing`. One that cannot be read is `unknown`.
   */
  list(signal?: AbortSignal): Promise<ProviderInstance[]>;
  /** Replaces the spec and restarts; the one before is kept for `rollback`. */
  deploy(id: InstanceId, spec: InstanceSpec, signal?: AbortSignal): Promise<ProviderInstance>;
  /** Back to the spec before the last `deploy`, and no further: repeating it changes nothing. */
  rollback(id: InstanceId, signal?: AbortSignal): Promise<ProviderInstance>;
  scale(id: InstanceId, request: ScaleRequest, signal?: AbortSignal): Promise<void>;
  /** Of a running instance; any other is `InstanceNotRunningError`. */
  resources(id: InstanceId, signal?: AbortSignal): Promise<Resources>;
  /** Raw readings of everything that runs, in one call that does not wait between two readings. */
  stats(signal?: AbortSignal): Promise<InstanceStats[]>;
  /**
   * The same, one by one, where the store has no call that reads all of them. Whoever has little time then keeps what was
   * read when it is over, and knows which instances were not.
   */
  statsReaders?(signal?: AbortSignal): Promise<StatsReader[]>;
  /**
   * What becomes of its instances from now on, within a second, until the signal aborts, which ends it without an
   * error. A hint, not a record: what happened without a watcher may be told late or never; `list` gives the present
   * state.
   */
  watch(signal: AbortSignal): AsyncIterable<ProviderChange>;
  logs(id: InstanceId, options?: LogOptions, signal?: AbortSignal): Promise<string[]>;
  /** The lines that `logs` gives, and those that come after, until the instance ends or the signal aborts; neither is an error. */
  followLogs?(id: InstanceId, options?: LogOptions, signal?: AbortSignal): AsyncIterable<string>;
  /** In a running instance; any other is `InstanceNotRunningError`. Aborting ends the command. */
  exec(id: InstanceId, command: string[], signal?: AbortSignal, options?: ExecOptions): Promise<ExecResult>;
  /**
   * What it was made from, as `provision` or the last `deploy` was given it; undefined where nothing is kept of that id, or
   * it cannot be read. By that a row that was lost is made again; without it such an instance stays without a row.
   */
  notes?(id: InstanceId, signal?: AbortSignal): Promise<ProvisionRequest | undefined>;
  /**
   * Removes images that no instance has, of repositories that instances are made from.
   * @param options `keep`: how many of each repository stay, the newest
   */
  pruneImages?(options: { keep: number }, signal?: AbortSignal): Promise<PrunedImages>;
  /** All volumes of its store, of instances that there are, and of those that there were. All of them or an error. */
  volumes?(signal?: AbortSignal): Promise<ProviderVolume[]>;
  /** By the name that `volumes` gives. @returns whether it is gone: not while an instance has it */
  removeVolume?(name: string, signal?: AbortSignal): Promise<boolean>;
  /** Rejects when the provider itself cannot be reached. */
  healthCheck?(signal?: AbortSignal): Promise<void>;
}
