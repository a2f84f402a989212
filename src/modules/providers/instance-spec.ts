import { type Dependency, type ServiceHealthCheck, type ServiceKind } from './services/service-spec.js';

/** What an instance is to run. The same shape for every provider; each says in `capabilities` what it can do. */
export interface InstanceSpec {
  /** Program and arguments. No shell is involved. Empty: what the image says; that needs one. */
  command: string[];
  /** Container image. A provider without `images` refuses it, and one with `images` what has none. */
  image?: string;
  /** Environment variables beside the few that the provider sets itself. */
  env?: Record<string, string>;
  /** Absolute working directory; default is the provider's. */
  workingDirectory?: string;
  /** Ports that the instance listens on. The provider picks a free one each and tells it by `env`. */
  ports?: PortSpec[];
  /** Where it tells its own metrics, in the text format of Prometheus. */
  metrics?: MetricsEndpoint;
  /** The most that it may use. Default no limit. A provider without `limits` refuses it. */
  limits?: InstanceLimits;
  /** What it keeps beside its image, also when it is removed. A provider without `volumes` refuses it. */
  volumes?: VolumeSpec[];
  /** Networks that it is in, by name; each must exist. Default the provider's own. A provider without `networks` refuses it. */
  networks?: string[];
  /**
   * Programs beside the main one, with one life: they start, run and stop together, see `services/service-plan.ts`. Names and
   * variables of ports differ over all of them, and each is told all ports. A provider without `services` refuses them.
   */
  services?: ServiceSpec[];
  /** What the main program waits for. It is started after every sidecar that does not wait for it. */
  dependsOn?: Dependency[];
  /** By what others know that the main program is healthy. */
  healthCheck?: ServiceHealthCheck;
}

/** One service of an instance. It is in the networks of the instance; a volume is the same one in all services by its name. */
export interface ServiceSpec extends Pick<
  InstanceSpec,
  | 'command'
  | 'image'
  | 'env'
  | 'workingDirectory'
  | 'ports'
  | 'limits'
  | 'volumes'
  | 'dependsOn'
  | 'healthCheck'
> {
  /** Unique within the instance, and not `main`. */
  name: string;
  /** `init`: runs to its end, with code 0, before all others start. Default `sidecar`: runs as long as the instance. */
  kind?: ServiceKind;
}

export interface InstanceLimits {
  /** Cores, such as 0.5. */
  cpuCores?: number;
  memoryBytes?: number;
  processes?: number;
}

/** Room that belongs to the instance: made at its first start, and the same one at each start after. */
export interface VolumeSpec {
  /** Name within the instance. */
  name: string;
  /** Absolute path at which the instance sees it. */
  path: string;
  readOnly?: boolean;
}

/** One of the instance's own ports, so that a spec cannot send anybody elsewhere. */
export interface MetricsEndpoint {
  /** Name of a port of `ports`. It speaks plain HTTP. */
  port: string;
  /** Absolute path, with the query if there is one. Default `/metrics`. */
  path?: string;
}

export interface PortSpec {
  /** Name of the endpoint, such as `http`. */
  name: string;
  /** Environment variable that carries the number, such as `PORT`. */
  env: string;
  /**
   * Number on which a container's program listens when it does not heed the variable. Default the number that the provider
   * picks. It is reached by the provider's own number either way. Plain processes have no network of their own, and no
   * such number.
   */
  containerPort?: number;
}
