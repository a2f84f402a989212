import { type HealthCheckId, type InstanceId, type TenantId } from '../ids/typed-id.js';

/** Where a probe goes: an address of one's own, or a named endpoint of the check's instance (default: its first). */
export interface NetworkTarget {
  /** `host:port`, `[::1]:port`. */
  address?: string;
  endpoint?: string;
}

export interface HttpProbe {
  type: 'http';
  /** Absolute, http or https, without credentials. Or `path`, on an endpoint of the instance. */
  url?: string;
  endpoint?: string;
  /** Default `/`. */
  path?: string;
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'OPTIONS';
  /** May hold secrets: they are sent to the target only. */
  headers: Record<string, string>;
  body?: string;
  /** What passes: numbers and ranges such as `204` and `200-299`. */
  status: string[];
  /** What the body has to contain. */
  bodyContains?: string;
  /** What the body, as JSON, has to hold at these places (RFC 6901). */
  json: JsonExpectation[];
  /** Redirects that are followed, 0 to 10; each is judged by the egress policy. With 0 the redirect is the answer. */
  redirects: number;
  tls: TlsExpectation;
  /** Bytes of the body that are read, at most; a longer one fails. */
  maxBytes: number;
  /** A slower answer is degraded. Milliseconds. */
  degradedAbove?: number;
}

export interface JsonExpectation {
  pointer: string;
  equals: unknown;
}

export interface TlsExpectation {
  /** Whether the certificate has to hold: chain, name, dates. */
  verify: boolean;
  /** With fewer days to its expiry the check is degraded. */
  minDays?: number;
}

export interface TcpProbe extends NetworkTarget {
  type: 'tcp';
  /** Text that is sent once connected. */
  send?: string;
  /** Text that has to come. */
  expect?: string;
}

export interface GrpcProbe extends NetworkTarget {
  type: 'grpc';
  /** Name of the service that is asked about; empty for the server as a whole. */
  service: string;
  /** Whether TLS is spoken, and what the certificate has to be. */
  tls?: TlsExpectation;
}

export interface CommandProbe {
  type: 'command';
  /** Run inside the instance, by its provider. Passes with exit code 0. */
  command: string[];
}

export interface PushProbe {
  type: 'push';
  /** How long after the interval a call may come, in milliseconds. */
  grace: number;
}

export interface CustomProbe {
  type: 'custom';
  /** Name of a `@HealthChecker`. */
  checker: string;
  /** Handed to it. May hold secrets. */
  config: Record<string, unknown>;
}

export type Probe = HttpProbe | TcpProbe | GrpcProbe | CommandProbe | PushProbe | CustomProbe;

export type ProbeType = Probe['type'];

/** What happens to the instance of a check that has become unhealthy. */
export type UnhealthyAction = 'none' | 'restart';

/** One check of one target. Lengths of time in milliseconds. */
export interface HealthCheck {
  id: HealthCheckId;
  tenantId: TenantId;
  /** Whose health it tells of, and what a restart restarts. Absent: a target of its own. */
  instanceId?: InstanceId;
  /** Unique among the checks of the instance, or among those of the tenant without one. */
  name: string;
  probe: Probe;
  /** From the start of one run to the start of the next, 1 s at least. */
  interval: number;
  /** For name look-up, connection, TLS, first byte and body together; at most the interval. */
  timeout: number;
  /** Failures in a row that make it unhealthy. */
  failureThreshold: number;
  /** Successes in a row that make it healthy again. */
  successThreshold: number;
  /** No run before that time after the start of the instance. */
  initialDelay: number;
  /** How long after the start failures do not count, until the first success. */
  startupGrace: number;
  onUnhealthy: UnhealthyAction;
  /** Restarts within an hour, at most. */
  maxRestartsPerHour: number;
  /** Whether it runs. */
  enabled: boolean;
  /** Grows with every change of the above. */
  revision: number;
  createdAt: Date;
  updatedAt: Date;
}

/** What one run found. `unknown`: the prober could not tell, for a reason of its own. */
export type ProbeOutcome = 'success' | 'degraded' | 'failure' | 'unknown';

/** Duration of each phase of a probe, in milliseconds; phases that it did not reach are absent. */
export interface ProbePhases {
  lookup?: number;
  connect?: number;
  tls?: number;
  firstByte?: number;
  body?: number;
}

export interface ProbeResult {
  outcome: ProbeOutcome;
  /** For people. Never holds a secret. */
  message: string;
  phases?: ProbePhases;
}

/** One run of a check. */
export interface HealthResult extends ProbeResult {
  checkId: HealthCheckId;
  /** The instant that the run stands for: none is run twice for the same. */
  dueAt: Date;
  startedAt: Date;
  /** Milliseconds. */
  duration: number;
  /** Whether it was in a maintenance window, and so without consequences. */
  maintenance: boolean;
}

/** `starting`: no result that counts yet. */
export type HealthStatus = 'starting' | 'healthy' | 'degraded' | 'unhealthy' | 'unknown';
