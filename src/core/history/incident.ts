/** What a worker can be reported for. Each is one incident at a time; docs/incidents.md says when it opens and closes. */
export type WorkerIncidentCondition =
  'missed' | 'failing' | 'stuck' | 'lost' | 'stale' | 'slow' | 'over_budget' | 'did_nothing';

/** Which incident it is: of these there is one that is open at a time. */
export interface IncidentKey {
  /** What the subject is: `worker`, or what an application calls its own, such as `certificate`. At most 100 characters. */
  readonly kind: string;
  /** Which of them: the name of the worker. At most 300 characters. */
  readonly subject: string;
  /** What is wrong with it: of a worker a `WorkerIncidentCondition`. At most 100 characters. */
  readonly condition: string;
}

/** What is wrong, as whoever finds it says. */
export interface IncidentReport extends IncidentKey {
  /** In a sentence for people. At most 2,000 characters. */
  readonly summary: string;
  /** Run that showed it. */
  readonly runId?: string | undefined;
  /** Release of the application that made that run. */
  readonly release?: string | undefined;
}

/** Something that is wrong, or was, from when it was found until it was over. */
export interface Incident extends IncidentReport {
  /** UUID. */
  readonly id: string;
  readonly openedAt: Date;
  /** Absent while it is open. */
  readonly closedAt?: Date;
  /** When it was told to webhooks and `onIncident`; absent while a silence keeps it from them. */
  readonly toldAt?: Date;
}

/** Keeps incidents from being told until it ends. They are recorded nevertheless. */
export interface Silence {
  /** UUID. */
  readonly id: string;
  /** What it is for; absent: whatever the kind, subject or condition. */
  readonly kind?: string;
  readonly subject?: string;
  readonly condition?: string;
  readonly until: Date;
  readonly createdAt: Date;
  /** Why, at most 1,000 characters. */
  readonly reason?: string;
  /** Who wants it; absent when nobody said so. */
  readonly actor?: string;
}

export type IncidentEventType = 'incident.opened' | 'incident.closed';

/** `pending`: it is sent when `dueAt` has come. `failed`: it is not sent again unless somebody asks for it. */
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
  /** When it is sent next; absent unless it is pending. */
  readonly dueAt?: Date;
  readonly deliveredAt?: Date;
  /** Status of the last answer; absent when there was none. */
  readonly status?: number;
  /** Why the last attempt failed. */
  readonly error?: string;
}

/** The fields alone that tell one incident from another. */
export function incidentKey({ kind, subject, condition }: IncidentKey): string {
  return JSON.stringify([kind, subject, condition]);
}

/** Whether a silence keeps it from being told. */
export function isSilenced(key: IncidentKey, silences: readonly Silence[], now: number): boolean {
  return silences.some(
    ({ kind = key.kind, subject = key.subject, condition = key.condition, until }) =>
      until.getTime() > now && kind === key.kind && subject === key.subject && condition === key.condition,
  );
}
