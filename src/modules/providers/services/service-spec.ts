/** The main program of an instance, as other services name it. */
export const MAIN = 'main';

/** What a service waits for: that the other one has started, that its health check passes, that it has ended with 0. */
export const UNTIL = ['started', 'healthy', 'completed'] as const;

export type Until = (typeof UNTIL)[number];

export const SERVICE_KINDS = ['sidecar', 'init'] as const;

export type ServiceKind = (typeof SERVICE_KINDS)[number];

/** A service that must have started, be healthy or be completed before this one starts. */
export interface Dependency {
  /** Name of another service of the instance; `main` is the main program. */
  service: string;
  /** Default `started`; of an init service `completed`. */
  until?: Until;
}

/** A command that runs in the service. With exit code 0 the service is healthy. */
export interface ServiceHealthCheck {
  command: string[];
  /** Milliseconds between two attempts. Default 1 s. */
  interval?: number;
  /** Milliseconds after which an attempt has failed. Default 5 s. */
  timeout?: number;
  /** Attempts in all, after which the start of the instance has failed. Default 60. */
  attempts?: number;
}
