import {
  type Delivery,
  type DeliveryState,
  type Incident,
  type IncidentKey,
  type IncidentReport,
  type Silence,
} from './incident.js';

/** Which incidents to read; newest first. */
export interface IncidentQuery {
  /** UUID. */
  readonly id?: string | undefined;
  readonly kind?: string | undefined;
  readonly subject?: string | undefined;
  readonly condition?: string | undefined;
  /** `true`: those that are open; `false`: those that are closed. Default: both. */
  readonly open?: boolean | undefined;
  /** 1 to 1000. */
  readonly limit: number;
  /** Only those that come after this one in the same order. */
  readonly before?: Pick<Incident, 'id' | 'openedAt'> | undefined;
}

/** Which deliveries to read; newest first. */
export interface DeliveryQuery {
  /** UUID. */
  readonly id?: string | undefined;
  readonly incident?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly state?: DeliveryState | undefined;
  /** 1 to 1000. */
  readonly limit: number;
  readonly before?: Pick<Delivery, 'id' | 'createdAt'> | undefined;
}

/** What became of an attempt. `retryIn`: milliseconds; absent when it is not tried again. */
export interface AttemptResult {
  readonly delivered: boolean;
  readonly status?: number | undefined;
  readonly error?: string | undefined;
  readonly retryIn?: number | undefined;
}

export type NewSilence = Omit<Silence, 'id' | 'createdAt'>;

/**
 * Where incidents, silences and deliveries are kept. An incident and its deliveries are written together, so whoever opens it
 * is the one who tells, and nothing that was opened is left untold. Every implementation passes `incidentStoreContract`.
 * Instants are those of the store's own clock.
 */
export abstract class IncidentStore {
  /**
   * Opens an incident, with a delivery to each of the endpoints unless a silence holds.
   * @returns the incident when this call opened it, `toldAt` absent when it is silenced; undefined when it is open already
   */
  abstract open(report: IncidentReport, endpoints: readonly string[]): Promise<Incident | undefined>;

  /**
   * Closes the open one, with a delivery to each of the endpoints if it was told.
   * @returns the incident when this call closed it
   */
  abstract close(key: IncidentKey, endpoints: readonly string[]): Promise<Incident | undefined>;

  /** Tells those that are open, have not been told, and are silenced no more. @returns them */
  abstract tell(endpoints: readonly string[]): Promise<Incident[]>;

  abstract find(query: IncidentQuery): Promise<Incident[]>;

  abstract silence(silence: NewSilence): Promise<Silence>;

  /** Those that have not ended, the first to end first. */
  abstract silences(): Promise<Silence[]>;

  /** Ends a silence now. @returns whether there was such a one */
  abstract endSilence(id: string): Promise<boolean>;

  /**
   * Takes deliveries that are due, so that no other call takes them for `lease` milliseconds. Each counts as an attempt.
   * @param endpoints those that the caller can send to
   */
  abstract takeDue(endpoints: readonly string[], limit: number, lease: number): Promise<Delivery[]>;

  /** What became of the attempt of that number; a later one is left as it is. */
  abstract settle(delivery: Pick<Delivery, 'id' | 'attempts'>, result: AttemptResult): Promise<void>;

  abstract deliveries(query: DeliveryQuery): Promise<Delivery[]>;

  /** Makes it due now, whatever became of it, with all of its attempts before it. @returns it; undefined when there is none */
  abstract resend(id: string): Promise<Delivery | undefined>;

  /** Deletes incidents that were closed before that instant, with their deliveries, and silences that ended before it. */
  abstract prune(before: Date): Promise<void>;
}
