import { createHash, randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { type RequestAnswer, FOREVER } from '../../coordination/coordinator.js';
import { type RequestedRun, type RequestOutcome } from '../../coordination/worker-record.js';
import { type EndedRun } from '../../history/run.js';
import { type WorkerDefinition } from '../../registry/worker-definition.js';
import { type Scope } from '../../timing/root-context.js';
import { type ByActor } from '../../worker/actor.js';
import { type ClusterParts } from './cluster-parts.js';
import { InvalidPayloadError } from '../../worker/payload.js';
import { eventRefused } from '../event-sources.js';
import { type RunHandle, RunHandles } from '../run-handle.js';
import { RunDroppedError, RunUnknownError, WorkerBusyError } from '../scheduler.errors.js';

/**
 * Most async contexts that are kept. This replica does not learn which events another one has served, so beyond this
 * number the oldest is dropped.
 */
const MOST_SCOPES = 1_000;

type Asked = Pick<RequestedRun, 'id' | 'trigger' | 'payload' | 'actor'>;

/**
 * The runs of one worker that are requested here, by a trigger, an event or its start, and the callers that await their
 * end.
 */
export class ClusterRequests {
  private static readonly logger = new Logger('Workers');
  private readonly handles = new RunHandles();
  /** Requests whose runs are active here, or are being released. */
  private readonly serving = new Set<string>();
  /** Async contexts of the requests that were made here. A run on another replica has none. */
  private readonly scopes = new Map<string, Scope>();
  /** Id of the request that was granted here last. */
  private begun?: string;
  private over = false;

  /** @param want called with a request that the coordinator has accepted: this replica claims it at once */
  constructor(
    private readonly definition: WorkerDefinition,
    private readonly parts: ClusterParts,
    private readonly want: (request: RequestedRun) => void,
  ) {}

  /** Requests whose outcome a caller here awaits, and which are not served here: the coordinator knows more of them. */
  get awaited(): string[] {
    return this.handles.ids().filter((id) => !this.serving.has(id));
  }

  /** Requests whose runs are active here without a lease. */
  get unleased(): string[] {
    return this.definition.overlap === 'allow' ? [...this.serving] : [];
  }

  /**
   * Whether a request that is reported as waiting was granted here since. Its run has the request's id, so the
   * coordinator would take another claim for a repetition of the one that was granted.
   */
  isBegun({ id, attempts }: RequestedRun): boolean {
    return id === this.begun && attempts === 0;
  }

  granted(id: string): void {
    this.begun = id;
  }

  /** Undefined for a request of another replica or of the worker's start. */
  scopeOf(id: string): Scope | undefined {
    return this.scopes.get(id);
  }

  serve(id: string): void {
    this.serving.add(id);
  }

  /** @param ended undefined: the run did not come to its end, or failed and is retried */
  served(id: string, ended: EndedRun | undefined): void {
    this.serving.delete(id);
    if (!ended) return;
    this.scopes.delete(id);
    this.handles.resolve(id, ended);
  }

  /** Takes the outcome of a request, which another replica may have served. */
  settle(id: string, outcome: RequestOutcome): void {
    this.scopes.delete(id);
    if ('run' in outcome) this.handles.resolve(id, outcome.run);
    else this.handles.reject(id, new RunDroppedError(this.definition.name, id));
  }

  /** Called when no more answers will come. */
  close(): void {
    this.over = true;
    for (const id of this.handles.ids())
      this.handles.reject(id, new RunUnknownError(this.definition.name, id));
  }

  /** @throws WorkerBusyError, RunUnknownError */
  async trigger(payload: unknown, scope: Scope, by: ByActor): Promise<RunHandle> {
    const { name } = this.definition;
    const asked: Asked = { id: randomUUID(), trigger: 'manual', payload, ...by };
    const { record, accepted, time } = await this.ask(asked, scope);
    if (!accepted) throw new WorkerBusyError(name, record?.runId);
    if (this.over) throw new RunUnknownError(name, asked.id);
    // Not before the answer: the coordinator answers `dropped` for the outcome of a request that it does not know.
    const handle = this.handles.make(asked.id);
    this.accepted(asked, time);
    return handle;
  }

  async happened(event: unknown, scope: Scope): Promise<void> {
    const { clock, events, reached } = this.parts;
    const asked: Asked = { id: randomUUID(), trigger: 'event', payload: event };
    const { id } = (event ?? {}) as { id?: unknown };
    const eventId = typeof id === 'string' || typeof id === 'number' ? shortId(String(id)) : undefined;
    try {
      const { accepted, reason } = await this.ask(asked, scope, eventId);
      if (accepted) this.accepted(asked, clock.now());
      else if (reason === 'busy') events.passed('run.skipped', this.definition.name, 1, undefined);
    } catch (error) {
      if (error instanceof InvalidPayloadError) ClusterRequests.logger.error(eventRefused(error));
      else reached(error, 'requests', this.definition.name);
    }
  }

  /**
   * Every replica requests it, also one that starts much later: by the event's id the coordinator accepts the first only.
   */
  async runOnStart(definitionAt: number): Promise<void> {
    const { clock, reached } = this.parts;
    const asked: Asked = { id: randomUUID(), trigger: 'schedule', payload: undefined };
    try {
      const { accepted } = await this.ask(asked, undefined, `${FOREVER}start@${definitionAt}`);
      if (accepted) this.accepted(asked, clock.now());
    } catch (error) {
      reached(error, 'requests', this.definition.name);
    }
  }

  private async ask(asked: Asked, scope: Scope | undefined, eventId?: string): Promise<RequestAnswer> {
    const { coordinator, clock, reached } = this.parts;
    const { name, overlap, maxAttempts } = this.definition;
    // Before the call: the run may begin before the answer arrives.
    if (scope) this.keepScope(asked.id, scope);
    const answer = clock.heard(
      await coordinator.request({
        ...asked,
        worker: name,
        overlap,
        maxAttempts,
        ...(eventId !== undefined && { eventId }),
      }),
    );
    if (!answer.accepted) this.scopes.delete(asked.id);
    reached(undefined, 'requests', name);
    if (overlap === 'cancelRunning' && answer.accepted && answer.record?.holder !== undefined)
      await coordinator.cancel(name, answer.record.fencing);
    return answer;
  }

  private keepScope(id: string, scope: Scope): void {
    this.scopes.set(id, scope);
    if (this.scopes.size > MOST_SCOPES) this.scopes.delete(this.scopes.keys().next().value!);
  }

  private accepted(asked: Asked, requestedAt: number): void {
    this.want({ ...asked, worker: this.definition.name, requestedAt, attempts: 0 });
  }
}

const LONGEST_ID = 200;

/** The id, or a hash of a longer one: an entry of a PostgreSQL index has at most 2,704 bytes. */
function shortId(id: string): string {
  return id.length <= LONGEST_ID ? id : createHash('sha256').update(id).digest('hex');
}
