/** Conditions of a worker that open an incident, one per worker and condition at a time; see docs/incidents.md. */
export type WorkerIncidentCondition =
  'missed' | 'failing' | 'stuck' | 'lost' | 'stale' | 'slow' | 'over_budget' | 'did_nothing';

/** Identifies an incident: at most one with the same key is open at a time. */
export interface IncidentKey {
  /**
   * Kind of the subject: `worker`, or a kind of the application's own, such as `certificate`. At most 100 characters.
   */
  readonly kind: string;
  /** The subject, such as the name of the worker. At most 300 characters. */
  readonly subject: string;
  /** What is wrong with it: for a worker a `WorkerIncidentCondition`. At most 100 characters. */
  readonly condition: string;
}

/** What the code that detects an incident reports. */
export interface IncidentReport extends IncidentKey {
  /** A sentence for people. At most 2,000 characters. */
  readonly summary: string;
  /** Id of the run that showed it. */
  readonly runId?: string | undefined;
  /** Release of the application that made that run. */
  readonly release?: string | undefined;
}

/** A condition that holds or held, from its detection to its end. */
export interface Incident extends IncidentReport {
  /** UUID. */
  readonly id: string;
  readonly openedAt: Date;
  /** Absent while it is open. */
  readonly closedAt?: Date;
  /** When it was told to webhooks and `onIncident`; absent while a silence prevents that. */
  readonly toldAt?: Date;
}

/** Prevents incidents from being told until it ends. They are recorded nevertheless. */
export interface Silence {
  /** UUID. */
  readonly id: string;
  /** Silences incidents with this kind, subject and condition; an absent field matches all. */
  readonly kind?: string;
  readonly subject?: string;
  readonly condition?: string;
  readonly until: Date;
  readonly createdAt: Date;
  /** Why, at most 1,000 characters. */
  readonly reason?: string;
  /** Who made it; absent when unknown. */
  readonly actor?: string;
}

export type IncidentEventType = 'incident.opened' | 'incident.closed';

/** `pending`: it is sent at `dueAt`. `failed`: it is not sent again, except by `resend`. */
export type DeliveryState = 'pending' | 'delivered' | 'failed';

/** One event of an incident for one webhook. */
export interface Delivery {
  /** UUID: the `webhook-id`, the same for each attempt. */
  readonly id: string;
  readonly incident: Incident;
  readonly event: IncidentEventType;
  /** Name of the webhook. */
  readonly endpoint: string;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly createdAt: Date;
  /** When it is sent next; set while it is pending. */
  readonly dueAt?: Date;
  readonly deliveredAt?: Date;
  /** HTTP status of the last answer; absent when there was none. */
  readonly status?: number;
  /** Why the last attempt failed. */
  readonly error?: string;
}

/** The key as one text, from objects that may have further fields. */
export function incidentKey({ kind, subject, condition }: IncidentKey): string {
  return JSON.stringify([kind, subject, condition]);
}

/**
 * Whether a silence that has not ended matches.
 * @param now milliseconds since the epoch
 */
export function isSilenced(key: IncidentKey, silences: readonly Silence[], now: number): boolean {
  return silences.some(
    ({ kind = key.kind, subject = key.subject, condition = key.condition, until }) =>
      until.getTime() > now && kind === key.kind && subject === key.subject && condition === key.condition,
  );
}
