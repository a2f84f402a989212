import { StaleRunError } from '../coordination/coordination.errors.js';
import {
  type CancelAnswer,
  type Claim,
  type ClaimAnswer,
  type Control,
  Coordinator,
  type Enrolment,
  FOREVER,
  type Heartbeat,
  type HeartbeatAnswer,
  type HeldLease,
  type Known,
  type Members,
  NOTHING_KNOWN,
  type Pulse,
  type Refusal,
  type RefusedEnrolment,
  type Release,
  type ReleaseAnswer,
  type RequestAnswer,
  type RunRequestInput,
  type Timed,
} from '../coordination/coordinator.js';
import { type LostRun, type WorkerRecord } from '../coordination/worker-record.js';
import { withoutTexts } from '../history/save-apart.js';
import { type IncidentStore } from '../history/incident.store.js';
import { type RunStore } from '../history/run.store.js';
import { isRefusedForGood } from '../outages/store-refused.error.js';
import { InvalidPayloadError } from '../worker/payload.js';
import { type Cancellation } from '../worker/cancellation.js';
import { type TransactionRunner } from '../worker/run-context.js';
import {
  claimValues,
  controlStatement,
  releaseValues,
  requestValues,
  toLostRun,
} from './coordinator-values.js';
import { Database, type Statement } from './database.js';
import { KnownRecords } from './known-records.js';
import { rowsIn } from './rows-in.js';
import { Services } from './services.js';
import { eachAtLeast } from './each-at-least.js';
import { ReadOnlyDatabaseError } from './postgres.errors.js';
import { type PostgresOptions } from './postgres-options.js';
import { PostgresIncidentStore } from './postgres-incident.store.js';
import { PostgresRunStore } from './postgres-run.store.js';
import { toJson } from './refusal.js';
import { announce } from './sql/announce.js';
import { claim as claimStatement } from './sql/claim.js';
import { cancelRun as cancelToken, cancelRunById, lockToken } from './sql/control.js';
import { enroll } from './sql/enroll.js';
import { release as releaseStatement } from './sql/release.js';
import { readOnly } from './sql/schema-steps.js';
import { renewLease } from './sql/renew-lease.js';
import { findRequest, pruneRequests, pulse, requestRun } from './sql/requests.js';
import {
  type Answer,
  type RequestRow,
  type ServedRow,
  toOutcome,
  toRecord,
  toRequest,
  type WorkerRow,
} from './worker-row.js';

/**
 * Milliseconds without an answer after which the database counts as unreachable. It leaves time for another heartbeat
 * within the longest default lease.
 */
const QUERY_TIMEOUT = 2_500;

/**
 * Makes the replicas of an application one cluster by the Postgres that they share: `WorkerModule.forRoot({ coordination:
 * postgres({ … }) })`. Run history is stored there too, unless the option `history` names another store. Works behind
 * PgBouncer in transaction mode, as it uses no session state.
 *
 * @throws PostgresOptionsError
 */
export function postgres(options: PostgresOptions): Coordinator {
  return new PostgresCoordinator(options);
}

/** The rule of coordination as SQL, on the tables `workers` and `requests` of its own schema. */
export class PostgresCoordinator extends Coordinator {
  override readonly description: string;
  private readonly database: Database;
  private readonly services: Services;
  private readonly known = new KnownRecords((statement, values) => this.query(statement, values));

  constructor(private readonly options: PostgresOptions) {
    super();
    this.database = new Database(options, { timeout: QUERY_TIMEOUT, keep: true });
    this.description = this.database.description;
    this.services = new Services(this.database, options.service);
  }

  override runStore(): RunStore {
    return new PostgresRunStore(this.options);
  }

  override incidentStore(): IncidentStore {
    return new PostgresIncidentStore(this.database);
  }

  /** @throws ReadOnlyDatabaseError, SchemaSharedError */
  async open(): Promise<void> {
    await this.database.open();
    try {
      const [row] = await this.query<{ readOnly: boolean }>(readOnly, []);
      if (row!.readOnly) throw new ReadOnlyDatabaseError();
      await this.services.meet();
      await this.warmUp(this.database.mayOpen);
    } catch (error) {
      await this.database.close();
      throw error;
    }
  }

  async enroll(
    workers: readonly Enrolment[],
  ): Promise<Timed<{ records: WorkerRecord[]; refused: RefusedEnrolment[] }>> {
    const { answers, refused } = await eachAtLeast(workers, (some) =>
      this.query<Answer>(enroll, [toJson(some)]),
    );
    const rows = answers.flat();
    return {
      time: rows.at(-1)?.time ?? (await this.time()),
      records: rows.map(({ record }) => toRecord(record)),
      refused: refused.map(({ item, error }) => ({ name: item.name, error })),
    };
  }

  async claim(claim: Claim): Promise<ClaimAnswer> {
    const [row] = await this.query<Answer & { answer: Refusal | 'granted'; wait: number }>(
      claimStatement,
      claimValues(claim),
    );
    if (!row)
      return { time: await this.time(), granted: false, reason: 'unknown', wait: 0, record: undefined };
    const { answer, time, wait } = row;
    const record = toRecord(row.record);
    return answer === 'granted'
      ? { time, granted: true, record, lost: await this.lostRun(row.record.previous) }
      : { time, granted: false, reason: answer, wait, record };
  }

  async heartbeat(heartbeat: Heartbeat): Promise<HeartbeatAnswer> {
    const row = await this.renew(heartbeat).catch((error: unknown) => {
      // Rather renew the lease without the progress than lose it.
      if (!heartbeat.progress || !isRefusedForGood(error)) throw error;
      return this.renew({ ...heartbeat, progress: undefined });
    });
    return {
      time: row.time,
      leaseUntil: row.lease_until ?? undefined,
      cancelRequested: row.cancel_requested ?? false,
    };
  }

  async release(release: Release): Promise<ReleaseAnswer> {
    const [row] = await this.sendRelease(release);
    if (!row) return { time: await this.time(), record: undefined };
    return { time: row.time, record: row.accepted ? toRecord(row.record) : undefined };
  }

  async request(asked: RunRequestInput): Promise<RequestAnswer> {
    const values = requestValues(asked);
    const [row] = await this.query<Answer & { accepted: boolean; busy: boolean }>(requestRun, values).catch(
      (error: unknown) => {
        throw isRefusedForGood(error)
          ? new InvalidPayloadError(asked.worker, `PostgreSQL refuses it: ${error.message}`)
          : error;
      },
    );
    if (!row) return { time: await this.time(), accepted: false, reason: 'unknown', record: undefined };
    const { time, accepted, busy } = row;
    if (accepted) return { time, accepted, record: toRecord(row.record) };
    return { time, accepted, reason: busy ? 'busy' : 'known', record: toRecord(row.record) };
  }

  async cancel(worker: string, fencing: number): Promise<void> {
    await this.query(cancelToken, [worker, fencing]);
  }

  async control(worker: string, change: Control): Promise<Timed<{ record: WorkerRecord | undefined }>> {
    const [row] = await this.query<Answer>(...controlStatement(worker, change));
    return row
      ? { time: row.time, record: toRecord(row.record) }
      : { time: await this.time(), record: undefined };
  }

  async announce(replica: string | undefined, absentAfter: number): Promise<Members> {
    const [row] = await this.query<Members>(announce, [replica ?? null, absentAfter]);
    return row!;
  }

  async cancelRun(runId: string, { actor, reason }: Cancellation): Promise<Timed<CancelAnswer>> {
    const [row] = await this.query<{ time: number; known: boolean; dropped: CancelAnswer['dropped'] | null }>(
      cancelRunById,
      [runId, actor ?? null, reason ?? null],
    );
    const { time, known, dropped } = row!;
    return dropped ? { time, known: true, dropped } : { time, known };
  }

  async pulse({ revisions, awaited, unleased, active = [], silentAfter }: Known): Promise<Pulse> {
    const [row] = await this.query<{
      time: number;
      records: WorkerRow[];
      requests: RequestRow[];
      outcomes: Record<string, Parameters<typeof toOutcome>[0] | null>;
      cancellations: Record<string, Cancellation>;
    }>(pulse, [[...revisions.keys()], [...revisions.values()], awaited, unleased, silentAfter, active]);
    const { time, records, requests, outcomes, cancellations } = row!;
    return {
      time,
      records: records.map(toRecord),
      requests: requests.map(toRequest),
      outcomes: new Map(
        Object.entries(outcomes).flatMap(([id, outcome]) => (outcome ? [[id, toOutcome(outcome)]] : [])),
      ),
      cancellations: new Map(Object.entries(cancellations)),
    };
  }

  records(): Promise<Timed<{ records: readonly WorkerRecord[] }>> {
    return this.known.read();
  }

  async assertCurrent({ worker, runId, fencing }: HeldLease, manager: TransactionRunner): Promise<void> {
    const rows = await rowsIn(manager, lockToken(this.database.schema), [worker, runId, fencing]);
    if (rows.length === 0) throw new StaleRunError(worker, runId, fencing);
  }

  async prune(age: number): Promise<void> {
    await this.query(pruneRequests, [age, FOREVER]);
    await this.services.others();
  }

  async close(): Promise<void> {
    await this.database.close();
  }

  /**
   * Sends a claim without values on each connection. Otherwise the first slots of a replica wait for connections (19 ms
   * each) and for the compilation of the rule (14 ms); on a busy machine that was a fifth of a second.
   */
  private async warmUp(connections: number): Promise<void> {
    const nothing = Array.from({ length: 13 }, () => null);
    // Too few connections are reported when one is needed.
    await Promise.allSettled(Array.from({ length: connections }, () => this.query(claimStatement, nothing)));
  }

  /** Reads the lost run's request here: a payload may be long, and every answer contains the worker's row. */
  private async lostRun(previous: WorkerRow['previous']): Promise<LostRun | undefined> {
    if (!previous?.requestId) return toLostRun(previous);
    return toLostRun(previous, (await this.query<ServedRow>(findRequest, [previous.requestId]))[0]);
  }

  private async renew({
    worker,
    runId,
    fencing,
    lease,
    progress,
  }: Omit<Heartbeat, 'progress'> & { progress?: Heartbeat['progress'] | undefined }): Promise<RenewedLease> {
    const shown = progress ? toJson(progress) : null;
    const [row] = await this.query<RenewedLease>(renewLease, [worker, runId, fencing, lease, shown]);
    return row!;
  }

  /** Leaves out texts of the run that cannot be stored: they must not prevent the release of the lease. */
  private async sendRelease(release: Release): Promise<(Answer & { accepted: boolean })[]> {
    const send = (given: Release) =>
      this.query<Answer & { accepted: boolean }>(releaseStatement, releaseValues(given));
    try {
      return await send(release);
    } catch (error) {
      if (!release.run || !isRefusedForGood(error)) throw error;
      return send({ ...release, run: withoutTexts(release.run, error) });
    }
  }

  private async time(): Promise<number> {
    return (await this.pulse(NOTHING_KNOWN)).time;
  }

  private query<Row extends object>(statement: Statement, values: unknown[]): Promise<Row[]> {
    return this.database.query<Row>(statement, values);
  }
}

interface RenewedLease {
  time: number;
  lease_until: number | null;
  cancel_requested: boolean | null;
}
