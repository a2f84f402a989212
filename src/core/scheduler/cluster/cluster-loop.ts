import { LeaseLostError } from '../../coordination/coordination.errors.js';
import {
  type ClaimAnswer,
  type Control,
  NOTHING_KNOWN,
  type Release,
} from '../../coordination/coordinator.js';
import {
  type RequestedRun,
  type RequestOutcome,
  type WorkerRecord,
} from '../../coordination/worker-record.js';
import { RunCancelledError } from '../../execution/execution.errors.js';
import { type Execution } from '../../execution/execution.js';
import { type EndedRun } from '../../history/run.js';
import { type WorkerDefinition } from '../../registry/worker-definition.js';
import { storeTiming } from '../../registry/stored-timing.js';
import { Alarm } from '../../timing/alarm.js';
import { type Scope } from '../../timing/root-context.js';
import { type ByActor } from '../../worker/actor.js';
import { type Cancellation } from '../../worker/cancellation.js';
import { type WorkerInfo } from '../../worker/worker-info.js';
import { type Answered, Claimant } from './claimant.js';
import { type ClusterParts, RETRY_AFTER } from './cluster-parts.js';
import { ClusterRequests } from './cluster-requests.js';
import { ClusterRun } from './cluster-run.js';
import { ClusterView, type Target } from './cluster-view.js';
import { type Loop } from '../loop.js';
import { lostRun } from './lost-run.js';
import { PassedSlots } from './passed-slots.js';
import { PlaceInLine } from './place-in-line.js';
import { recordInfo, recordIsStale } from './record-info.js';
import { type RunHandle } from '../run-handle.js';
import { SchedulerStoppedError } from '../scheduler.errors.js';
import { upcomingSlots } from '../upcoming.js';
import { type Timing } from '../../registry/timing.js';

type Granted = Answered & { readonly answer: ClaimAnswer & { granted: true } };

/** Claims in a row that were refused because others were faster, before this replica waits a little. */
const PATIENCE = 5;
/** Events that are held until the coordinator knows the worker; more are skipped. */
const MOST_EARLY = 1_000;

/**
 * Drives one worker together with the loops of the other replicas: claims its slots, runs what is granted, gives it
 * back. What to claim, and when, is said by its `ClusterView`; one thing is done at a time.
 */
export class ClusterLoop implements Loop {
  readonly executions: Execution[] = [];
  private readonly alarm: Alarm;
  private readonly claimant: Claimant;
  private readonly line: PlaceInLine;
  /** Events from before it was enrolled: the coordinator takes requests for workers that it knows. */
  private readonly early: [event: unknown, scope: Scope][] = [];
  private readonly requests: ClusterRequests;
  private readonly passed: PassedSlots;
  private view?: ClusterView;
  private active = false;
  private stopped = false;
  /** Under every policy but `allow`: from a grant until the release of it. */
  private occupied = false;
  private readonly runs = new Set<ClusterRun>();
  private releases = new Set<Promise<void>>();
  /** There is something to claim, and no place for a run. */
  private placeless = false;
  private working?: Promise<void>;

  constructor(
    readonly definition: WorkerDefinition,
    private readonly parts: ClusterParts,
    replica: string,
  ) {
    this.alarm = new Alarm(parts.clock, () => void this.work(), definition.unref);
    this.claimant = new Claimant(definition, parts, replica);
    this.line = new PlaceInLine(replica, parts.clock);
    this.passed = new PassedSlots(definition.name, parts.events);
    this.requests = new ClusterRequests(definition, parts, (request) => this.want(request));
  }

  get running(): boolean {
    return this.active;
  }

  get timing(): Timing {
    return this.view?.timing ?? this.definition;
  }

  get stale(): boolean {
    return recordIsStale(this.definition, this.view, this.now(), this.active);
  }

  /** The others see the same. */
  get speaks(): boolean {
    return this.line.isFirst;
  }

  /** Undefined until it is enrolled. */
  get revision(): number | undefined {
    return this.view?.record.revision;
  }

  /** Requests whose outcome somebody waits for here, and of which more is known elsewhere. */
  get awaited(): string[] {
    return this.requests.awaited;
  }

  /** Requests whose runs are active here without a lease. */
  get unleased(): string[] {
    return this.requests.unleased;
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
    if (this.active) this.begin(record);
    else this.view = new ClusterView(this.definition, record, this.now());
    for (const [event, scope] of this.early.splice(0)) this.happened(event, scope);
  }

  /** Who asks first has changed. */
  precededBy(first: string | undefined): void {
    this.line.precededBy(first);
  }

  /** News that was not asked for. */
  observe(record: WorkerRecord | undefined, requests: readonly RequestedRun[]): void {
    if (!this.view) return;
    if (record) this.view.overhear(record);
    this.view.requests = requests.filter((request) => !this.requests.isBegun(request));
    void this.work();
  }

  /** What became of a request, which another replica may have served. */
  settle(id: string, outcome: RequestOutcome): void {
    this.requests.settle(id, outcome);
  }

  /** Nothing more will be heard. */
  closed(): void {
    this.requests.close();
  }

  async pause(by: ByActor): Promise<void> {
    await this.ensureEnrolled();
    await this.control({ do: 'pause', ...by });
  }

  async resume(by: ByActor): Promise<void> {
    await this.ensureEnrolled();
    await this.hearTime();
    await this.control({ do: 'resume', slot: this.latestSlot(), ...by });
  }

  async reschedule(timing: Timing, by: ByActor): Promise<void> {
    await this.ensureEnrolled();
    await this.hearTime();
    const { definition } = this;
    const delay = definition.spacing === 'delay' ? { delay: timing.interval } : {};
    const stored = storeTiming(timing.every, definition);
    const slot = timing.schedule?.latest(this.parts.clock.now()) ?? -Infinity;
    await this.control({ do: 'reschedule', timing: stored, slot, ...delay, ...by });
  }

  async trigger(payload: unknown, scope: Scope, by: ByActor): Promise<RunHandle> {
    const { definition, stopped } = this;
    if (stopped || !definition.enabled) throw new SchedulerStoppedError(definition.name);
    await this.ensureEnrolled();
    return this.requests.trigger(payload, scope, by);
  }

  /** One that waits is known to the coordinator. */
  cancel(runId: string, by: Cancellation): 'told' | undefined {
    const execution = this.executions.find(({ run }) => run.id === runId);
    execution?.abort(new RunCancelledError(this.definition.name, by));
    return execution && 'told';
  }

  happened(event: unknown, scope: Scope): void {
    if (!this.active) return;
    if (this.view) {
      if (!this.view.record.paused && !this.view.isOver(this.now()))
        void this.requests.happened(event, scope);
    } else if (this.early.length < MOST_EARLY) this.early.push([event, scope]);
    else this.parts.events.passed('run.skipped', this.definition.name, 1, undefined);
  }

  info(): WorkerInfo {
    const { definition, view, executions, active } = this;
    return recordInfo(definition, view, { now: this.now(), running: active, executions });
  }

  upcoming(count: number): Date[] {
    const most = Math.min(count, this.definition.limit - (this.view?.record.begun ?? 0));
    return upcomingSlots(this.timing, this.definition, this.now(), most);
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
    if (this.definition.runOnStart && !this.view.isOver(this.now()))
      void this.requests.runOnStart(record.definitionAt);
    void this.work();
  }

  private latestSlot(): number {
    return this.timing.schedule?.latest(this.now()) ?? -Infinity;
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
    const { claimant, line, parts } = this;
    for (let tries = 0; ;) {
      const { view } = this;
      if (!this.active || !view || this.occupied || claimant.resting > 0) return;
      this.placeless = false;
      const target = claimant.next(view);
      if (!target) return;
      const turn = this.turn(target, view);
      if (turn === 'wait') return;
      if (turn === 'look') {
        await parts.look(this.definition.name);
        line.looked(this.view!.record.fencing);
        continue;
      }
      const placed = this.takePlace(target, view);
      if (!placed) {
        this.placeless = true;
        return;
      }
      if (await this.pursue(placed, view)) tries = 0;
      else {
        parts.limit.give(requestOf(placed));
        // The view is wrong again and again: others are at it.
        if (++tries >= PATIENCE) claimant.rest();
      }
    }
  }

  /** @returns what there is a place for: the target, or a request whose triggerer lends it its own */
  private takePlace(target: Target, { requests }: ClusterView): Target | undefined {
    const { limit } = this.parts;
    if (limit.take(this, requestOf(target))) return target;
    const request = limit.lends && requests.find(({ id }) => limit.take(this, id));
    return request ? { request } : undefined;
  }

  /** Only slots are for all to see: who knows of a request was asked for it, or found nobody at it. */
  private turn(target: Target, { record, timing }: ClusterView): 'ask' | 'wait' | 'look' {
    if ('request' in target || this.claimant.unsure) return 'ask';
    return this.line.turn(record.fencing, timing.interval);
  }

  private arm(): void {
    const { claimant, line, view } = this;
    if (!this.active || !view) return this.alarm.clear();
    const now = this.now();
    if (this.occupied) return this.armPassing(view, now);
    const at = claimant.unsure ? now : view.nextAt(now);
    if (at === undefined) return this.alarm.clear();
    // `pump` says when there may be a place; to look for one again and again would burn the processor.
    const wait = this.placeless ? RETRY_AFTER : Math.max(claimant.resting, line.waits(view.record.fencing));
    this.alarm.set(Math.max(at, now + wait));
  }

  /** Until the end of the active run: the slots that pass meanwhile are skipped, or end it. */
  private armPassing(view: ClusterView, now: number): void {
    const { schedule, spacing } = view.timing;
    const { overlap } = this.definition;
    const passes = this.executions.length > 0 && (overlap === 'skip' || overlap === 'cancelRunning');
    if (!passes || view.record.paused || view.limitReached || !schedule || spacing === 'delay')
      return this.alarm.clear();
    if (overlap === 'skip') this.passed.during(view, now);
    else if (view.latestDue(now) > view.record.slot) this.cancelRuns();
    this.alarm.set(schedule.dueAt(schedule.next(Math.max(view.record.slot, view.latestDue(now)))));
  }

  /** A newer one is due. Those of other replicas hear of it with their next heartbeat. */
  private cancelRuns(): void {
    for (const execution of this.executions) execution.abort(new RunCancelledError(this.definition.name));
  }

  /** @returns whether a run has begun, which keeps its place */
  private async pursue(target: Target, view: ClusterView): Promise<boolean> {
    const answered = await this.claimant.claim(target, view);
    if (!answered) return false;
    const { answer } = answered;
    if (answer.granted) return this.granted({ ...answered, answer }, target);
    this.refused(answer, target);
    return false;
  }

  private refused(answer: ClaimAnswer & { granted: false }, target: Target): void {
    const { clock, coordinator } = this.parts;
    const { reason, wait, record } = answer;
    const view = this.view!;
    if (record) view.learn(record);
    if (reason === 'stale') this.line.overtaken();
    // What was taken for the time is ahead of it: the clock was set back, or this one is fast.
    if (reason === 'too_early') clock.restart(answer);
    if (reason === 'over' && 'request' in target) view.drop(target.request.id);
    if (reason === 'unknown') this.claimant.rest();
    if (reason !== 'held') return;
    view.refusedAsHeld(target, clock.now() + wait);
    if (this.definition.overlap === 'cancelRunning' && record && !record.cancelRequested)
      coordinator
        .cancel(record.name, record.fencing)
        .catch((error: unknown) => this.parts.reached(error, 'cancellations', record.name));
  }

  private granted({ answer, sentAt, lease, passesOver }: Granted, target: Target): boolean {
    const { definition } = this;
    const { record, time, lost } = answer;
    const view = this.view!;
    const requestId = requestOf(target);
    const tooLate = view.isTooLate(target, this.now());
    if ('slot' in target) this.passed.before(view, target.slot, this.now());
    view.learn(record);
    if (requestId !== undefined) {
      view.drop(requestId);
      this.requests.granted(requestId);
    }
    if (lost) this.tellLost(lostRun(definition.name, lost, this.now()));
    if (passesOver) {
      this.passed.late(record.slot);
      return false;
    }
    const run = new ClusterRun(
      { ...this.parts, definition, view },
      { record, sentAt, time, lease, requestId },
    );
    if (definition.overlap !== 'allow') this.occupied = true;
    if (!run.trusted || this.stopped || tooLate) {
      this.follow(this.giveBack(run.unrun()));
      return false;
    }
    this.run(run, record, target);
    return true;
  }

  private tellLost(run: EndedRun): void {
    if (this.definition.record !== 'none') this.parts.recorder.record(run);
    this.parts.events.ended(run);
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
            ...(request.actor !== undefined && { actor: request.actor }),
            scope: this.requests.scopeOf(request.id),
          }
        : {
            trigger: this.view!.triggerOf(record.slot, record.attempt),
            slot: record.slot,
            scheduledAt: record.attempt > 1 ? this.now() : this.view!.dueAt(record.slot),
          },
    );
    this.executions.push(execution);
    this.runs.add(run);
    if (request) this.requests.serve(request.id);
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
    if (request) this.requests.served(request.id, release.kind === 'done' ? ended : undefined);
    this.parts.limit.give(request?.id ?? ended.id);
  }

  /**
   * Retries until it is acknowledged: a run that has ended must not be repeated.
   * @returns false if the token was taken over, so that this run counts for nothing
   */
  private async giveBack(release: Release): Promise<boolean> {
    const { coordinator, clock } = this.parts;
    for (let certain = true; ; certain = false) {
      try {
        const { record } = clock.heard(await coordinator.release(release));
        this.parts.reached(undefined, 'releases', release.worker);
        if (record) {
          this.tellFailures(release, record);
          this.view!.learn(record);
        }
        this.occupied = false;
        // It may have got through before, and the answer been lost; and somebody else been granted since.
        return record !== undefined || !certain;
      } catch (error) {
        this.parts.reached(error, 'releases', release.worker);
        // Without a lease, what was written once would be counted twice.
        if (!release.leased || this.stopped) return true;
        await new Promise<void>((resolve) => clock.setTimer(resolve, RETRY_AFTER));
      }
    }
  }

  /** Call it before the view learns of the release. One that failed was one more; before a success, it is what was known. */
  private tellFailures({ kind, run }: Release, { name, status }: WorkerRecord): void {
    if (kind !== 'done' || !run || run.outcome === 'cancelled') return;
    const { consecutiveFailures: after, lastError } = status;
    const before = after > 0 ? after - 1 : this.view!.record.status.consecutiveFailures;
    this.parts.conditions.failures(name, before, after, lastError);
  }

  private follow(work: Promise<unknown>): void {
    const done = work.then(() => {
      this.releases.delete(done);
      void this.work();
    });
    this.releases.add(done);
  }

  /** The coordinator refuses what is asked of a worker that it does not know, as of one that was registered a moment ago. */
  private async ensureEnrolled(): Promise<void> {
    if (this.view) return;
    // Its first slots are reckoned by the coordinator's clock.
    await this.hearTime();
    await this.parts.enroll();
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

  private want(request: RequestedRun): void {
    if (!this.view || this.requests.isBegun(request)) return;
    const { overlap } = this.definition;
    if (overlap === 'cancelRunning') this.cancelRuns();
    const dropsOthers = overlap === 'queueOne' || overlap === 'cancelRunning';
    this.view.requests = dropsOthers ? [request] : [...this.view.requests, request];
    void this.work();
  }
}

function requestOf(target: Target): string | undefined {
  return 'request' in target ? target.request.id : undefined;
}
