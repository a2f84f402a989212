import { Inject, Injectable, Logger } from '@nestjs/common';
import {
  type Delivery,
  type Incident,
  type IncidentEventType,
  type IncidentKey,
  type IncidentReport,
  type Silence,
} from '../history/incident.js';
import { type DeliveryQuery, type IncidentQuery, IncidentStore } from '../history/incident.store.js';
import { WorkerEvents } from '../scheduler/worker-events.js';
import { classAndMessageOf } from '../text/describe-error.js';
import { shownDuration } from '../text/shown-duration.js';
import { storableText } from '../text/storable-text.js';
import { Clock } from '../timing/clock.js';
import { type Duration, parseDuration } from '../timing/duration.js';
import { type ByActor, storableActor } from '../worker/actor.js';
import { type IncidentRules } from './incident-rules.js';
import { InvalidIncidentError, InvalidSilenceError, UnknownIncidentError } from './incidents.errors.js';
import { INCIDENT_RULES } from './incidents.module-definition.js';
import { Courier } from './webhooks/courier.js';

const LONGEST: Readonly<Record<keyof IncidentKey, number>> = { kind: 100, subject: 300, condition: 100 };
const LONGEST_SUMMARY = 2_000;
const LONGEST_REASON = 1_000;

/** A new silence: which incidents it matches, and until when. */
export interface SilenceRequest extends Partial<IncidentKey>, ByActor {
  /** Length of the silence; give this or `until`. */
  readonly for?: Duration | undefined;
  readonly until?: Date | undefined;
  /** Why. At most 1,000 characters. */
  readonly reason?: string | undefined;
}

/**
 * The incidents of this application. `IncidentsModule` reports workers itself; an application opens other incidents by
 * `report`, and closes them by `resolve`.
 */
@Injectable()
export class Incidents {
  private readonly logger = new Logger('Incidents');
  private readonly endpoints: readonly string[];

  constructor(
    @Inject(INCIDENT_RULES) private readonly rules: IncidentRules,
    @Inject(IncidentStore) private readonly store: IncidentStore,
    @Inject(Clock) private readonly clock: Clock,
    private readonly events: WorkerEvents,
    private readonly courier: Courier,
  ) {
    events.judged = true;
    this.endpoints = rules.webhooks.map(({ name }) => name);
  }

  /**
   * Opens an incident, unless one with the same kind, subject and condition is open, and tells it, unless it is silenced.
   * @param logged whether the caller has logged it already
   * @returns the incident when this call opened it
   * @throws InvalidIncidentError, and what the store rejects with
   */
  async report(report: IncidentReport, logged = false): Promise<Incident | undefined> {
    const summary = storableText(String(report.summary), LONGEST_SUMMARY);
    const incident = await this.store.open({ ...report, ...checkedKey(report), summary }, this.endpoints);
    if (incident) this.opened(incident, logged);
    return incident;
  }

  /**
   * Closes the open incident with this key.
   * @param logged whether the caller has logged it already
   * @returns the incident when this call closed it
   * @throws InvalidIncidentError, and what the store rejects with
   */
  async resolve(key: IncidentKey, logged = false): Promise<Incident | undefined> {
    const incident = await this.store.close(checkedKey(key), this.endpoints);
    if (!incident) return undefined;
    const { summary, openedAt, closedAt, toldAt } = incident;
    const lasted = shownDuration(closedAt!.getTime() - openedAt.getTime());
    if (!logged) this.logger.log(`Incident closed after ${lasted}: ${summary}`);
    this.tell('incident.closed', incident, toldAt !== undefined);
    return incident;
  }

  /** Tells open incidents whose silence has ended. */
  async tellUnsilenced(): Promise<void> {
    for (const incident of await this.store.tell(this.endpoints)) this.tellOf('incident.opened', incident);
  }

  /** Newest first. */
  find(query: IncidentQuery): Promise<Incident[]> {
    return this.store.find(query);
  }

  /** Newest first. */
  deliveries(query: DeliveryQuery): Promise<Delivery[]> {
    return this.store.deliveries(query);
  }

  /**
   * Sends a delivery again, in any state.
   * @throws UnknownIncidentError
   */
  async resend(id: string): Promise<Delivery> {
    const delivery = await this.store.resend(id);
    if (!delivery) throw new UnknownIncidentError('delivery', id);
    this.courier.hurry();
    return delivery;
  }

  /** Silences that have not ended, the first to end first. */
  silences(): Promise<Silence[]> {
    return this.store.silences();
  }

  /** @throws InvalidSilenceError */
  async silence(request: SilenceRequest): Promise<Silence> {
    const { kind, subject, condition, reason, actor } = request;
    const key = Object.entries({ kind, subject, condition }).filter(([, text]) => text !== undefined);
    for (const [field, text] of key) checkField(field as keyof IncidentKey, text, InvalidSilenceError);
    return this.store.silence({
      ...Object.fromEntries(key),
      until: this.endOf(request),
      ...(reason !== undefined && { reason: storableText(String(reason), LONGEST_REASON) }),
      ...storableActor(actor === undefined ? {} : { actor }),
    });
  }

  /** @throws UnknownIncidentError */
  async endSilence(id: string): Promise<void> {
    if (!(await this.store.endSilence(id))) throw new UnknownIncidentError('silence', id);
    await this.tellUnsilenced();
  }

  private endOf({ for: length, until }: SilenceRequest): Date {
    if ((length === undefined) === (until === undefined))
      throw new InvalidSilenceError('A silence has one end: give `for` or `until`');
    const now = this.clock.now();
    const end = until ?? new Date(now + durationOf(length!));
    if (!(end.getTime() > now))
      throw new InvalidSilenceError('A silence that ends now or before is none: give a later end');
    return end;
  }

  private opened(incident: Incident, logged: boolean): void {
    const told = incident.toldAt !== undefined;
    if (!logged) this.logger.warn(`Incident opened: ${incident.summary}${told ? '' : ' (silenced)'}`);
    this.tell('incident.opened', incident, told);
  }

  private tell(type: IncidentEventType, incident: Incident, told: boolean): void {
    this.events.incident(type, incident);
    if (told) this.tellOf(type, incident);
  }

  private tellOf(type: IncidentEventType, incident: Incident): void {
    this.courier.hurry();
    const { onIncident } = this.rules;
    if (onIncident) void this.call(onIncident, type, incident);
  }

  private async call(
    onIncident: NonNullable<IncidentRules['onIncident']>,
    type: IncidentEventType,
    incident: Incident,
  ): Promise<void> {
    try {
      await onIncident(incident, type);
    } catch (error) {
      this.logger.error(`onIncident failed for incident ${incident.id}: ${classAndMessageOf(error)}`);
    }
  }
}

function durationOf(length: Duration): number {
  try {
    return parseDuration(length);
  } catch (error) {
    throw new InvalidSilenceError(`for: ${(error as Error).message}`);
  }
}

function checkedKey({ kind, subject, condition }: IncidentKey): IncidentKey {
  const key = { kind, subject, condition };
  for (const [field, text] of Object.entries(key))
    checkField(field as keyof IncidentKey, text, InvalidIncidentError);
  return key;
}

function checkField(
  field: keyof IncidentKey,
  text: unknown,
  Fault: typeof InvalidIncidentError | typeof InvalidSilenceError,
): void {
  const longest = LONGEST[field];
  if (typeof text === 'string' && text !== '' && storableText(text, longest) === text) return;
  const given = JSON.stringify(text)?.slice(0, 100);
  throw new Fault(`${field}: ${given} is no text of 1 to ${longest} characters that a database stores`);
}
