/** The main program of an instance, as other services name it. */
export const MAIN = 'main';

/** Until when a service waits: until the other one has started, until its health check passes, until it has ended well. */
export const UNTIL = ['started', 'healthy', 'completed'] as const;

export type Until = (typeof UNTIL)[number];

export const SERVICE_KINDS = ['sidecar', 'init'] as const;

export type ServiceKind = (typeof SERVICE_KINDS)[number];

/** What has to be so before a service is started. */
export interface Dependency {
  /** Name of another service of the instance; `main` is the main program. */
  service: string;
  /** Default `started`; of an init service `completed`. */
  until?: Until;
}

/** A command in a running service that says by its exit code 0 that others may rely on it. */
export interface ServiceHealthCheck {
  command: string[];
  /** Milliseconds between two attempts. Default 1 s. */
  interval?: number;
  /** Milliseconds after which an attempt has failed. Default 5 s. */
  timeout?: number;
  /** Attempts in all, after which the start of the instance has failed. Default 60. */
  attempts?: number;
}
