import { randomUUID } from 'node:crypto';
import {
  type Delivery,
  type DeliveryState,
  type Incident,
  type IncidentEventType,
  type IncidentKey,
  type IncidentReport,
  type Silence,
} from '../history/incident.js';
import {
  type AttemptResult,
  type DeliveryQuery,
  type IncidentQuery,
  IncidentStore,
  type NewSilence,
} from '../history/incident.store.js';
import { type Database } from './database.js';
import {
  addSilence,
  closeIncident,
  endSilence,
  findDeliveries,
  findIncidents,
  findSilences,
  openIncident,
  pruneIncidents,
  resendDelivery,
  settleDelivery,
  takeDueDeliveries,
  tellIncidents,
} from './sql/incidents.js';

/** Incidents in the schema of the coordination, on its connections: usable while the coordination is open. */
export class PostgresIncidentStore extends IncidentStore {
  constructor(private readonly database: Pick<Database, 'query'>) {
    super();
  }

  async open(report: IncidentReport, endpoints: readonly string[]): Promise<Incident | undefined> {
    const { kind, subject, condition, summary, runId = null, release = null } = report;
    const values = [randomUUID(), kind, subject, condition, summary, runId, release, endpoints];
    const [row] = await this.database.query<IncidentRow>(openIncident, values);
    return row && fromIncidentRow(row);
  }

  async close({ kind, subject, condition }: IncidentKey, endpoints: readonly string[]) {
    const [row] = await this.database.query<IncidentRow>(closeIncident, [
      kind,
      subject,
      condition,
      endpoints,
    ]);
    return row && fromIncidentRow(row);
  }

  async tell(endpoints: readonly string[]): Promise<Incident[]> {
    return (await this.database.query<IncidentRow>(tellIncidents, [endpoints])).map(fromIncidentRow);
  }

  async find(query: IncidentQuery): Promise<Incident[]> {
    const { statement, values } = findIncidents(query);
    return (await this.database.query<IncidentRow>(statement, values)).map(fromIncidentRow);
  }

  async silence(silence: NewSilence): Promise<Silence> {
    const { kind = null, subject = null, condition = null, until, reason = null, actor = null } = silence;
    const values = [randomUUID(), kind, subject, condition, until.getTime(), reason, actor];
    const [row] = await this.database.query<SilenceRow>(addSilence, values);
    return fromSilenceRow(row!);
  }

  async silences(): Promise<Silence[]> {
    return (await this.database.query<SilenceRow>(findSilences, [])).map(fromSilenceRow);
  }

  async endSilence(id: string): Promise<boolean> {
    return (await this.database.query(endSilence, [id])).length > 0;
  }

  async takeDue(endpoints: readonly string[], limit: number, lease: number): Promise<Delivery[]> {
    const rows = await this.database.query<DeliveryRow>(takeDueDeliveries, [endpoints, limit, lease]);
    return rows.map(fromDeliveryRow);
  }

  async settle({ id, attempts }: Pick<Delivery, 'id' | 'attempts'>, result: AttemptResult): Promise<void> {
    const { delivered, status = null, error = null, retryIn = null } = result;
    await this.database.query(settleDelivery, [id, attempts, delivered, status, error, retryIn]);
  }

  async deliveries(query: DeliveryQuery): Promise<Delivery[]> {
    const { statement, values } = findDeliveries(query);
    return (await this.database.query<DeliveryRow>(statement, values)).map(fromDeliveryRow);
  }

  async resend(id: string): Promise<Delivery | undefined> {
    const [row] = await this.database.query<DeliveryRow>(resendDelivery, [id]);
    return row && fromDeliveryRow(row);
  }

  async prune(before: Date): Promise<void> {
    await this.database.query(pruneIncidents, [before.getTime()]);
  }
}

interface IncidentRow extends IncidentKey {
  id: string;
  summary: string;
  run_id: string | null;
  release: string | null;
  opened_at: number;
  closed_at: number | null;
  told_at: number | null;
}

interface SilenceRow {
  id: string;
  kind: string | null;
  subject: string | null;
  condition: string | null;
  until: number;
  created_at: number;
  reason: string | null;
  actor: string | null;
}

interface DeliveryRow {
  id: string;
  incident: IncidentRow;
  event: IncidentEventType;
  endpoint: string;
  state: DeliveryState;
  attempts: number;
  created_at: number;
  due_at: number | null;
  delivered_at: number | null;
  status: number | null;
  error: string | null;
}

function fromIncidentRow(row: IncidentRow): Incident {
  const { run_id, opened_at, closed_at, told_at, release, ...rest } = row;
  return {
    ...rest,
    ...(run_id !== null && { runId: run_id }),
    ...(release !== null && { release }),
    openedAt: new Date(opened_at),
    ...(closed_at !== null && { closedAt: new Date(closed_at) }),
    ...(told_at !== null && { toldAt: new Date(told_at) }),
  };
}

function fromSilenceRow({ id, until, created_at, ...texts }: SilenceRow): Silence {
  const given = Object.entries(texts).filter(([, value]) => value !== null);
  return { id, until: new Date(until), createdAt: new Date(created_at), ...Object.fromEntries(given) };
}

function fromDeliveryRow(row: DeliveryRow): Delivery {
  const { incident, created_at, due_at, delivered_at, status, error, ...rest } = row;
  return {
    ...rest,
    incident: fromIncidentRow(incident),
    createdAt: new Date(created_at),
    ...(due_at !== null && { dueAt: new Date(due_at) }),
    ...(delivered_at !== null && { deliveredAt: new Date(delivered_at) }),
    ...(status !== null && { status }),
    ...(error !== null && { error }),
  };
}
