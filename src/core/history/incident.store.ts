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
  /** `true`: only open ones; `false`: only closed ones. Default: both. */
  readonly open?: boolean | undefined;
  /** 1 to 1000. */
  readonly limit: number;
  /** Only incidents that come after this one in the same order: the last of a page gives the next page. */
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

/**
 * Result of an attempt. `status`: HTTP status, absent without an answer. `retryIn`: milliseconds; absent: no further
 * attempt.
 */
export interface AttemptResult {
  readonly delivered: boolean;
  readonly status?: number | undefined;
  readonly error?: string | undefined;
  readonly retryIn?: number | undefined;
}

export type NewSilence = Omit<Silence, 'id' | 'createdAt'>;

/**
 * Stores incidents, silences and deliveries. An incident and its deliveries are written together, so that each event
 * is sent once and none is left out, whichever replica writes it. Every implementation passes
 * `incidentStoreContract`. Instants are those of the store's own clock.
 */
export abstract class IncidentStore {
  /**
   * Opens an incident, with a delivery to each of the endpoints unless a silence holds.
   * @returns the incident when this call opened it (`toldAt` absent when it is silenced); undefined when it is open
   * already
   */
  abstract open(report: IncidentReport, endpoints: readonly string[]): Promise<Incident | undefined>;

  /**
   * Closes the open incident with this key, with a delivery to each of the endpoints if its opening was told.
   * @returns the incident when this call closed it; undefined when none is open
   */
  abstract close(key: IncidentKey, endpoints: readonly string[]): Promise<Incident | undefined>;

  /**
   * Creates the deliveries of open incidents that have not been told and are no longer silenced.
   * @returns these incidents
   */
  abstract tell(endpoints: readonly string[]): Promise<Incident[]>;

  abstract find(query: IncidentQuery): Promise<Incident[]>;

  abstract silence(silence: NewSilence): Promise<Silence>;

  /** Silences that have not ended, the first to end first. */
  abstract silences(): Promise<Silence[]>;

  /**
   * Ends a silence now.
   * @returns whether there was one with this id
   */
  abstract endSilence(id: string): Promise<boolean>;

  /**
   * Takes up to `limit` deliveries that are due; no other call takes them for `lease` milliseconds. Each counts as an
   * attempt.
   * @param endpoints names of the webhooks that the caller can send to
   */
  abstract takeDue(endpoints: readonly string[], limit: number, lease: number): Promise<Delivery[]>;

  /** Writes the result of an attempt. Ignored when a later attempt has begun, that is, when `attempts` differs. */
  abstract settle(delivery: Pick<Delivery, 'id' | 'attempts'>, result: AttemptResult): Promise<void>;

  abstract deliveries(query: DeliveryQuery): Promise<Delivery[]>;

  /**
   * Makes a delivery due now, whatever its state.
   * @returns the delivery; undefined when there is none with this id
   */
  abstract resend(id: string): Promise<Delivery | undefined>;

  /**
   * Deletes incidents that were closed before this instant, with their deliveries, and silences that ended before it.
   */
  abstract prune(before: Date): Promise<void>;
}
