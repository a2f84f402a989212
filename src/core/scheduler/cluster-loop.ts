import { randomUUID } from 'node:crypto';
import { LeaseLostError } from '../coordination/coordination.errors.js';
import { type CoordinatorClock } from '../coordination/coordinator-clock.js';
import {
  type Claim,
  type ClaimAnswer,
  type Control,
  type Coordinator,
  FOREVER,
  NOTHING_KNOWN,
  type Release,
} from '../coordination/coordinator.js';
import {
  type LostRun,
  type RequestedRun,
  type RequestOutcome,
  type WorkerRecord,
} from '../coordination/worker-record.js';
import { type Execution } from '../execution/execution.js';
import { type RunExecutor } from '../execution/run.executor.js';
import { type EndedRun } from '../history/run.js';
import { type RunRecorder } from '../history/run.recorder.js';
import { type Timing, type WorkerDefinition } from '../registry/worker-definition.js';
import { storeTiming } from '../registry/stored-timing.js';
import { Alarm } from '../timing/alarm.js';
import { type WorkerInfo } from '../worker/worker-info.js';
import { ClusterRun } from './cluster-run.js';
import { ClusterView, type Target } from './cluster-view.js';
import { type Loop } from './loop.js';
import { recordInfo } from './record-info.js';
import { type RunHandle, RunHandles } from './run-handle.js';
import { type RunLimit, type Waiter } from './run-limit.js';
import {
  RunDroppedError,
  RunUnknownError,
  SchedulerStoppedError,
  WorkerBusyError,
} from './scheduler.errors.js';
import { type WorkerEvents } from './worker-events.js';

/** After a call that did not get through, milliseconds. */
const RETRY_AFTER = 1_000;
/**
 * How long who is not the first in line waits before it looks whether the first has been there. Milliseconds; with short
 * intervals a quarter of one.
 */
const COURTESY = 250;
/** Claims in a row that were refused because others were faster, before this replica waits a little. */
const PATIENCE = 5;

/** Something is to be claimed after this token, and another replica is the first in line. */
interface Courtesy {
  readonly fencing: number;
  /** By the monotonic clock. */
  readonly until: number;
  /** It has looked: nobody had been granted anything. */
  looked: boolean;
}

/** What all loops of a cluster share. */
export interface ClusterParts {
  readonly coordinator: Coordinator;
  /** The coordinator's time. */
  readonly clock: CoordinatorClock;
  readonly executor: RunExecutor;
  readonly recorder: RunRecorder;
  readonly events: WorkerEvents;
  readonly limit: RunLimit;
  /** Length of a lease, milliseconds. */
  readonly lease: number;
  /** A call got through, or did not. */
  reached(error?: unknown): void;
  /** Resolves when the loop has heard how its worker stands; together with others, in one call. */
  look(worker: string): Promise<void>;
}

/**
 * Drives one worker together with the loops of the other replicas: claims its slots, runs what is granted, gives it
 * back. What to claim, and when, is said by its `ClusterView`; one thing is done at a time.
 */
export class ClusterLoop implements Loop, Waiter {
  readonly executions: Execution[] = [];
  private readonly alarm: Alarm;
  private readonly handles = new RunHandles();
  private view?: ClusterView;
  private active = false;
  private stopped = false;
  private over = false;
  /** Under every policy but `allow`: from a grant until the release of it. */
  private occupied = false;
  private readonly runs = new Set<ClusterRun>();
  /** The requests of these, and of those whose release is under way. */
  private readonly serving = new Set<string>();
  private releases = new Set<Promise<void>>();
  /** A claim that may have been granted, as its answer has not come: its run asks again until it has. */
  private unsure?: { target: Target; claim: Claim };
  /** The last request that was granted here. */
  private begun?: string;
  /** By the monotonic clock: no call before. */
  private retryAt = -Infinity;
  /** Which replica is the first in line for the worker's slots. */
  private first?: string;
  /** One that was, and did not ask: it may know nothing of the worker, or have no place for it, or be dead. */
  private absent?: string;
  private courtesy?: Courtesy;
  /** There is something to claim, and no place for a run. */
  private placeless = false;
  private working?: Promise<void>;

  constructor(
    readonly definition: WorkerDefinition,
    private readonly parts: ClusterParts,
    private readonly replica: string,
  ) {
    this.alarm = new Alarm(parts.clock, () => void this.work(), definition.unref);
  }

  get running(): boolean {
    return this.active;
  }

  /** Undefined until it is enrolled. */
  get revision(): number | undefined {
    return this.view?.record.revision;
  }

  /** Requests whose outcome somebody waits for here, and that nobody serves here: of those more is known than there. */
  get awaited(): string[] {
    return this.handles.ids().filter((id) => !this.serving.has(id));
  }

  /** Requests whose runs are on here without a lease. */
  get unleased(): string[] {
    return this.definition.overlap === 'allow' ? [...this.serving] : [];
  }

  start(): void {
    if (!this.definition.enabled) return;
    this.active = true;
    this.stopped = false;
    if (this.view) this.begin(this.view.record);
  }

  stop(): void {
    this.active = false;
    this.stopped = true;
    this.alarm.clear();
    this.parts.limit.leave(this);
  }

  /** What is still on then is left to its lease. */
  async settled(): Promise<void> {
    await this.working;
    while (this.releases.size > 0) await Promise.all(this.releases);
    for (const run of this.runs) run.abandon();
  }

  /** The coordinator knows it. */
  enrolled(record: WorkerRecord): void {
    this.view = new ClusterView(this.definition, record, this.now());
    if (this.active) this.begin(record);
  }

  /** Who asks first has changed. */
  precededBy(first: string | undefined): void {
    this.first = first;
  }

  /** News that was not asked for. */
  observe(record: WorkerRecord | undefined, requests: readonly RequestedRun[]): void {
    if (!this.view) return;
    if (record) this.view.overhear(record);
    this.view.requests = requests.filter((request) => !this.isBegun(request));
    void this.work();
  }

  /** What became of a request, which another replica may have served. */
  settle(id: string, outcome: RequestOutcome): void {
    if ('run' in outcome) this.handles.resolve(id, outcome.run);
    else this.handles.reject(id, new RunDroppedError(this.definition.name, id));
  }

  /** Nothing more will be heard. */
  closed(): void {
    this.over = true;
    for (const id of this.handles.ids())
      this.handles.reject(id, new RunUnknownError(this.definition.name, id));
  }

  async pause(): Promise<void> {
    await this.control({ do: 'pause' });
  }

  async resume(): Promise<void> {
    await this.hearTime();
    await this.control({ do: 'resume', slot: this.latestSlot() });
  }

  async reschedule(timing: Timing): Promise<void> {
    await this.hearTime();
    const { definition } = this;
    const delay = definition.spacing === 'delay' ? { delay: timing.interval } : {};
    const stored = storeTiming(timing.every, definition);
    const slot = timing.schedule?.latest(this.parts.clock.now()) ?? -Infinity;
    await this.control({ do: 'reschedule', timing: stored, slot, ...delay });
  }

  async trigger(payload: unknown): Promise<RunHandle> {
    const { name } = this.definition;
    if (this.stopped || !this.definition.enabled) throw new SchedulerStoppedError(name);
    const id = randomUUID();
    const { record, accepted, time } = await this.request({ id, trigger: 'manual', payload });
    if (!accepted) throw new WorkerBusyError(name, record?.runId);
    if (this.over) throw new RunUnknownError(name, id);
    // Not before: who asks for the outcome of what the coordinator does not know is told that it was dropped.
    const handle = this.handles.make(id);
    this.want({ id, worker: name, trigger: 'manual', payload, requestedAt: time, attempts: 0 });
    return handle;
  }

  happened(event: unknown): void {
    if (!this.active || this.view?.record.paused) return;
    void this.hear(event).catch((error: unknown) => this.parts.reached(error));
  }

  info(): WorkerInfo {
    const { definition, view, executions, active } = this;
    return recordInfo(definition, view, { now: this.now(), running: active, executions });
  }

  upcoming(count: number): Date[] {
    const timing = this.view?.timing ?? this.definition;
    const slots: Date[] = [];
    if (!timing.schedule || this.definition.spacing === 'delay') return slots;
    let slot = timing.schedule.next(this.now());
    for (; slots.length < count && slot < Infinity; slot = timing.schedule.next(slot))
      slots.push(new Date(slot));
    return slots;
  }

  /** A place for a run may be free. */
  pump(): void {
    void this.work();
  }

  private now(): number {
    return this.parts.clock.now();
  }

  /** From now on it looks. */
  private begin(record: WorkerRecord): void {
    this.view = new ClusterView(this.definition, record, this.now());
    if (this.definition.runOnStart) void this.runOnStart(record);
    void this.work();
  }

  private latestSlot(): number {
    return (this.view?.timing ?? this.definition).schedule?.latest(this.now()) ?? -Infinity;
  }

  /** Claims what there is to claim, one after the other, and then waits for more. */
  private work(): Promise<void> {
    this.working ??= this.claimAll().finally(() => {
      this.working = undefined;
      this.arm();
    });
    return this.working;
  }

  private async claimAll(): Promise<void> {
    for (let tries = 0; ;) {
      if (!this.active || !this.view || this.occupied || this.resting > 0) return;
      this.placeless = false;
      const target = this.nextTarget(this.view);
      if (!target) return;
      const courtesy = this.courtesyFor(target, this.view);
      if (courtesy && !courtesy.looked) {
        if (this.parts.clock.monotonic() < courtesy.until) return;
        await this.parts.look(this.definition.name);
        courtesy.looked = true;
        if (courtesy.fencing === this.view.record.fencing) this.absent = this.first;
        continue;
      }
      if (!this.parts.limit.take(this)) {
        this.placeless = true;
        return;
      }
      if (await this.pursue(target)) tries = 0;
      else {
        this.parts.limit.give();
        // The view is wrong again and again: others are at it.
        if (++tries >= PATIENCE) this.rest();
      }
    }
  }

  /**
   * A claim that may have been granted is repeated by the same run, by which the coordinator knows it; but for the slot
   * that is the latest by now. After an outage the one that it began with would be run, however old it is.
   */
  private nextTarget(view: ClusterView): Target | undefined {
    const wanted = view.wanted(this.now());
    const { unsure } = this;
    if (!unsure || (wanted && 'slot' in wanted && 'slot' in unsure.target)) return wanted;
    return unsure.target;
  }

  private arm(): void {
    if (!this.active || !this.view || this.occupied) return this.alarm.clear();
    const now = this.now();
    const at = this.unsure ? now : this.view.nextAt(now);
    if (at === undefined) this.alarm.clear();
    // `pump` says when there may be a place; to look for one again and again would burn the processor.
    else this.alarm.set(Math.max(at, now + (this.placeless ? RETRY_AFTER : this.waiting)));
  }

  /**
   * Of those that ask together all but one ask in vain, which was half of all statements. So one asks at once: who is
   * the first in line. The others look a little later, for many workers in one statement, and ask only if nobody was
   * granted anything; who is granted it then is the first, until the other one asks.
   */
  private courtesyFor(target: Target, { record, timing }: ClusterView): Courtesy | undefined {
    const { fencing } = record;
    const { first = this.replica } = this;
    if (!('slot' in target) || this.unsure || first === this.replica || first === this.absent)
      return undefined;
    if (this.courtesy?.fencing !== fencing) {
      const patience = timing.interval > 0 ? Math.min(COURTESY, timing.interval / 4) : COURTESY;
      this.courtesy = { fencing, until: this.parts.clock.monotonic() + patience, looked: false };
    }
    return this.courtesy;
  }

  private rest(): void {
    this.retryAt = this.parts.clock.monotonic() + RETRY_AFTER;
  }

  /** How long to wait although there is something to claim, milliseconds. */
  private get waiting(): number {
    const { courtesy, view, parts } = this;
    const polite = courtesy?.fencing === view!.record.fencing ? courtesy.until - parts.clock.monotonic() : 0;
    return Math.max(this.resting, polite);
  }

  /** After a call that failed, milliseconds. */
  private get resting(): number {
    return Math.max(0, this.retryAt - this.parts.clock.monotonic());
  }

  /** @returns whether a run has begun, which keeps its place */
  private async pursue(target: Target): Promise<boolean> {
    const { coordinator, clock } = this.parts;
    const { unsure } = this;
    const claim =
      unsure?.target === target
        ? unsure.claim
        : { ...this.claimFor(target), ...(unsure && { runId: unsure.claim.runId }) };
    this.unsure = { target, claim };
    const sentAt = clock.monotonic();
    let answer: ClaimAnswer;
    try {
      answer = clock.heard(await coordinator.claim(claim));
      this.parts.reached();
    } catch (error) {
      this.parts.reached(error);
      this.rest();
      return false;
    }
    this.unsure = undefined;
    if (!answer.granted) {
      this.refused(answer, target);
      return false;
    }
    return this.granted(answer, target, sentAt);
  }

  private claimFor(target: Target): Claim {
    const { definition, parts, replica } = this;
    // Who asked for a run was told its id.
    const asked = 'request' in target && target.request.attempts === 0 ? target.request.id : undefined;
    return {
      worker: definition.name,
      runId: asked ?? randomUUID(),
      replica,
      ...this.view!.claimOf(target),
      lease: definition.overlap === 'allow' ? undefined : parts.lease,
      maxAttempts: definition.maxAttempts,
    };
  }

  private refused(answer: ClaimAnswer & { granted: false }, target: Target): void {
    const { clock, coordinator } = this.parts;
    const { reason, wait, record } = answer;
    const view = this.view!;
    if (record) view.learn(record);
    if (reason === 'stale') this.absent = undefined;
    // What was taken for the time is ahead of it: the clock was set back, or this one is fast.
    if (reason === 'too_early') clock.restart(answer);
    if (reason === 'over' && 'request' in target) view.drop(target.request.id);
    if (reason === 'unknown') this.rest();
    if (reason !== 'held') return;
    view.refusedAsHeld(target, clock.now() + wait);
    if (this.definition.overlap === 'cancelRunning' && record && !record.cancelRequested)
      coordinator.cancel(record.name, record.fencing).catch((error: unknown) => this.parts.reached(error));
  }

  private granted(answer: ClaimAnswer & { granted: true }, target: Target, sentAt: number): boolean {
    const { definition } = this;
    const { record, time, lost } = answer;
    const view = this.view!;
    const requestId = 'request' in target ? target.request.id : undefined;
    view.learn(record);
    if (requestId !== undefined) {
      view.drop(requestId);
      this.begun = requestId;
    }
    if (lost) this.reportLost(lost);
    const run = new ClusterRun({ ...this.parts, definition, view }, { record, sentAt, time, requestId });
    if (definition.overlap !== 'allow') this.occupied = true;
    if (!run.trusted || this.stopped) {
      this.follow(this.giveBack(run.unrun()));
      return false;
    }
    this.run(run, record, target);
    return true;
  }

  private run(run: ClusterRun, record: WorkerRecord, target: Target): void {
    const { events } = this.parts;
    const request = 'request' in target ? target.request : undefined;
    const execution = run.start(
      request
        ? {
            trigger: request.trigger,
            scheduledAt: request.requestedAt,
            payload: request.payload ?? undefined,
          }
        : {
            trigger: this.view!.triggerOf(record.slot, record.attempt),
            slot: record.slot,
            scheduledAt: record.attempt > 1 ? this.now() : this.view!.dueAt(record.slot),
          },
    );
    this.executions.push(execution);
    this.runs.add(run);
    if (request) this.serving.add(request.id);
    events.started(execution.run);
    void execution.ended.then((ended) => this.follow(this.ended(run, execution, ended, request)));
  }

  private async ended(
    run: ClusterRun,
    execution: Execution,
    ended: EndedRun,
    request: RequestedRun | undefined,
  ): Promise<void> {
    this.runs.delete(run);
    this.executions.splice(this.executions.indexOf(execution), 1);
    const release = run.ended(ended);
    const accepted = await this.giveBack(release);
    if (!accepted) execution.disown(new LeaseLostError(this.definition.name, 'another one was granted'));
    this.parts.events.ended(ended);
    if (request) {
      this.serving.delete(request.id);
      if (release.kind === 'done') this.handles.resolve(request.id, ended);
    }
    this.parts.limit.give();
  }

  /**
   * Until it is through: a run that has ended must not be made again.
   * @returns false if the token was taken over, so that this run counts for nothing
   */
  private async giveBack(release: Release): Promise<boolean> {
    const { coordinator, clock } = this.parts;
    for (let certain = true; ; certain = false) {
      try {
        const { record } = clock.heard(await coordinator.release(release));
        this.parts.reached();
        if (record) this.view!.learn(record);
        this.occupied = false;
        // It may have got through before, and the answer been lost; and somebody else been granted since.
        return record !== undefined || !certain;
      } catch (error) {
        this.parts.reached(error);
        // Without a lease, what was written once would be counted twice.
        if (!release.leased || this.stopped) return true;
        await new Promise<void>((resolve) => clock.setTimer(resolve, RETRY_AFTER));
      }
    }
  }

  private follow(work: Promise<unknown>): void {
    const done = work.then(() => {
      this.releases.delete(done);
      void this.work();
    });
    this.releases.add(done);
  }

  private reportLost({ runId, replica, attempt, slot, startedAt }: LostRun): void {
    const { recorder, clock } = this.parts;
    const started = new Date(startedAt);
    recorder.record({
      id: runId,
      worker: this.definition.name,
      replica,
      trigger: attempt > 1 ? 'retry' : slot === undefined ? 'manual' : 'schedule',
      attempt,
      ...(slot !== undefined && { slot: new Date(slot) }),
      scheduledAt: slot === undefined ? started : new Date(slot),
      startedAt: started,
      endedAt: new Date(clock.now()),
      outcome: 'lost',
    });
  }

  /** The slots that count no more are reckoned by the coordinator's clock: the own one may be anything. */
  private async hearTime(): Promise<void> {
    const { coordinator, clock } = this.parts;
    if (clock.known) return;
    clock.heard(await coordinator.pulse(NOTHING_KNOWN));
  }

  private async control(change: Control): Promise<void> {
    const { coordinator, clock } = this.parts;
    const { record } = clock.heard(await coordinator.control(this.definition.name, change));
    if (record) this.view?.learn(record);
    void this.work();
  }

  private async runOnStart({ definitionAt }: WorkerRecord): Promise<void> {
    const { clock } = this.parts;
    const asked = { id: randomUUID(), trigger: 'schedule' as const, payload: undefined };
    try {
      // Every replica asks, also one that starts much later: the first has been heard.
      const eventId = `${FOREVER}start@${definitionAt}`;
      if ((await this.request({ ...asked, eventId })).accepted)
        this.want({ ...asked, worker: this.definition.name, requestedAt: clock.now(), attempts: 0 });
    } catch (error) {
      this.parts.reached(error);
    }
  }

  private async hear(event: unknown): Promise<void> {
    const { clock, events } = this.parts;
    const { name } = this.definition;
    const asked = { id: randomUUID(), trigger: 'event' as const, payload: event };
    const { id } = (event ?? {}) as { id?: unknown };
    const eventId = typeof id === 'string' || typeof id === 'number' ? String(id) : undefined;
    const { accepted, reason } = await this.request({ ...asked, ...(eventId !== undefined && { eventId }) });
    if (accepted) this.want({ ...asked, worker: name, requestedAt: clock.now(), attempts: 0 });
    else if (reason === 'busy') events.skipped(name, undefined);
  }

  private async request(asked: Pick<RequestedRun, 'id' | 'trigger' | 'payload'> & { eventId?: string }) {
    const { coordinator, clock } = this.parts;
    const { name, overlap, maxAttempts } = this.definition;
    const answer = clock.heard(await coordinator.request({ ...asked, worker: name, overlap, maxAttempts }));
    if (overlap === 'cancelRunning' && answer.accepted && answer.record?.holder !== undefined)
      await coordinator.cancel(name, answer.record.fencing);
    return answer;
  }

  /**
   * Whether what says that it waits is older than the grant of it. Its run has the request's id, so another claim of
   * it would be taken for a repetition of the one that was granted.
   */
  private isBegun({ id, attempts }: RequestedRun): boolean {
    return id === this.begun && attempts === 0;
  }

  private want(request: RequestedRun): void {
    if (!this.view || this.isBegun(request)) return;
    const { overlap } = this.definition;
    const dropsOthers = overlap === 'queueOne' || overlap === 'cancelRunning';
    this.view.requests = dropsOthers ? [request] : [...this.view.requests, request];
    void this.work();
  }
}
