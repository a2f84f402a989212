import { randomUUID } from 'node:crypto';
import {
  type Delivery,
  type Incident,
  type IncidentEventType,
  type IncidentKey,
  incidentKey,
  type IncidentReport,
  isSilenced,
  type Silence,
} from './incident.js';
import {
  type AttemptResult,
  type DeliveryQuery,
  type IncidentQuery,
  IncidentStore,
  type NewSilence,
} from './incident.store.js';
import { type Clock } from '../timing/clock.js';

/**
 * Incidents that are kept, with their deliveries. Beyond it the oldest closed ones are deleted; open ones are always
 * kept.
 */
const MOST = 1_000;

type KeptDelivery = Omit<Delivery, 'incident'> & { readonly incident: string };

/** Incidents in memory, lost when the process ends. */
export class InMemoryIncidentStore extends IncidentStore {
  /** Oldest first, like the deliveries. */
  private readonly incidents = new Map<string, Incident>();
  private readonly openOnes = new Map<string, string>();
  private readonly sent = new Map<string, KeptDelivery>();
  private kept: Silence[] = [];

  constructor(private readonly clock: Clock) {
    super();
  }

  async open(report: IncidentReport, endpoints: readonly string[]): Promise<Incident | undefined> {
    const key = incidentKey(report);
    if (this.openOnes.has(key)) return undefined;
    const now = this.now();
    const told = isSilenced(report, this.kept, now.getTime()) ? {} : { toldAt: now };
    const { kind, subject, condition, summary, runId, release } = report;
    const incident: Incident = {
      id: randomUUID(),
      kind,
      subject,
      condition,
      summary,
      ...(runId !== undefined && { runId }),
      ...(release !== undefined && { release }),
      openedAt: now,
      ...told,
    };
    this.incidents.set(incident.id, incident);
    this.openOnes.set(key, incident.id);
    this.deliver(incident, 'incident.opened', endpoints);
    this.forgetSurplus();
    return incident;
  }

  async close(key: IncidentKey, endpoints: readonly string[]): Promise<Incident | undefined> {
    const id = this.openOnes.get(incidentKey(key));
    if (id === undefined) return undefined;
    this.openOnes.delete(incidentKey(key));
    const closed: Incident = { ...this.incidents.get(id)!, closedAt: this.now() };
    this.incidents.set(id, closed);
    this.deliver(closed, 'incident.closed', endpoints);
    return closed;
  }

  async tell(endpoints: readonly string[]): Promise<Incident[]> {
    const now = this.now();
    const due = [...this.openOnes.values()]
      .map((id) => this.incidents.get(id)!)
      .filter((incident) => !incident.toldAt && !isSilenced(incident, this.kept, now.getTime()));
    return due.map((incident) => {
      const told = { ...incident, toldAt: now };
      this.incidents.set(told.id, told);
      this.deliver(told, 'incident.opened', endpoints);
      return told;
    });
  }

  async find({ id, kind, subject, condition, open, limit, before }: IncidentQuery): Promise<Incident[]> {
    return [...this.incidents.values()]
      .filter(
        (incident) =>
          (id === undefined || incident.id === id) &&
          (kind === undefined || incident.kind === kind) &&
          (subject === undefined || incident.subject === subject) &&
          (condition === undefined || incident.condition === condition) &&
          (open === undefined || open === (incident.closedAt === undefined)),
      )
      .sort((a, b) => comesFirst(a.openedAt, a.id, b.openedAt, b.id))
      .filter((i) => !before || comesFirst(before.openedAt, before.id, i.openedAt, i.id) < 0)
      .slice(0, limit);
  }

  async silence(silence: NewSilence): Promise<Silence> {
    const given = Object.entries(silence).filter(([, value]) => value !== undefined);
    const made = { ...Object.fromEntries(given), id: randomUUID(), createdAt: this.now() } as Silence;
    this.kept.push(made);
    return made;
  }

  async silences(): Promise<Silence[]> {
    const now = this.clock.now();
    this.kept = this.kept.filter(({ until }) => until.getTime() > now);
    return this.kept.toSorted((a, b) => Number(a.until) - Number(b.until));
  }

  async endSilence(id: string): Promise<boolean> {
    const inForce = await this.silences();
    this.kept = inForce.filter((silence) => silence.id !== id);
    return this.kept.length < inForce.length;
  }

  async takeDue(endpoints: readonly string[], limit: number, lease: number): Promise<Delivery[]> {
    const now = this.clock.now();
    return [...this.sent.values()]
      .filter(
        ({ state, dueAt, endpoint }) =>
          state === 'pending' && Number(dueAt) <= now && endpoints.includes(endpoint),
      )
      .slice(0, limit)
      .map((due) => this.keep({ ...due, attempts: due.attempts + 1, dueAt: new Date(now + lease) }));
  }

  async settle({ id, attempts }: Pick<Delivery, 'id' | 'attempts'>, result: AttemptResult): Promise<void> {
    const kept = this.sent.get(id);
    if (!kept || kept.attempts !== attempts) return;
    const { incident, event, endpoint, createdAt } = kept;
    const { delivered, status, error, retryIn } = result;
    const now = this.now();
    this.keep({
      id,
      incident,
      event,
      endpoint,
      attempts,
      createdAt,
      state: delivered ? 'delivered' : retryIn === undefined ? 'failed' : 'pending',
      ...(delivered && { deliveredAt: now }),
      ...(!delivered && retryIn !== undefined && { dueAt: new Date(now.getTime() + retryIn) }),
      ...(status !== undefined && { status }),
      ...(error !== undefined && { error }),
    });
  }

  async deliveries({ id, incident, endpoint, state, limit, before }: DeliveryQuery): Promise<Delivery[]> {
    return [...this.sent.values()]
      .filter(
        (delivery) =>
          (id === undefined || delivery.id === id) &&
          (incident === undefined || delivery.incident === incident) &&
          (endpoint === undefined || delivery.endpoint === endpoint) &&
          (state === undefined || delivery.state === state),
      )
      .sort((a, b) => comesFirst(a.createdAt, a.id, b.createdAt, b.id))
      .filter((d) => !before || comesFirst(before.createdAt, before.id, d.createdAt, d.id) < 0)
      .slice(0, limit)
      .map((delivery) => this.shown(delivery));
  }

  async resend(id: string): Promise<Delivery | undefined> {
    const kept = this.sent.get(id);
    return kept && this.keep({ ...kept, state: 'pending', dueAt: this.now() });
  }

  async prune(before: Date): Promise<void> {
    for (const { id, closedAt } of [...this.incidents.values()])
      if (closedAt && closedAt < before) this.forget(id);
    this.kept = this.kept.filter(({ until }) => until >= before);
  }

  private deliver(incident: Incident, event: IncidentEventType, endpoints: readonly string[]): void {
    if (!incident.toldAt) return;
    const now = this.now();
    for (const endpoint of endpoints)
      this.keep({
        id: randomUUID(),
        incident: incident.id,
        event,
        endpoint,
        state: 'pending',
        attempts: 0,
        createdAt: now,
        dueAt: now,
      });
  }

  private keep(delivery: KeptDelivery): Delivery {
    this.sent.set(delivery.id, delivery);
    return this.shown(delivery);
  }

  private shown(delivery: KeptDelivery): Delivery {
    return { ...delivery, incident: this.incidents.get(delivery.incident)! };
  }

  private forgetSurplus(): void {
    const surplus = this.incidents.size - MOST;
    if (surplus <= 0) return;
    const closed = [...this.incidents.values()].filter(({ closedAt }) => closedAt);
    for (const { id } of closed.slice(0, surplus)) this.forget(id);
  }

  private forget(incident: string): void {
    this.incidents.delete(incident);
    for (const [id, delivery] of this.sent) if (delivery.incident === incident) this.sent.delete(id);
  }

  private now(): Date {
    return new Date(this.clock.now());
  }
}

/** Newest first; at one instant by id. */
function comesFirst(at: Date, id: string, otherAt: Date, otherId: string): number {
  return otherAt.getTime() - at.getTime() || (id < otherId ? 1 : id > otherId ? -1 : 0);
}
