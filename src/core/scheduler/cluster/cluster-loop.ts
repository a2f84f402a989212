import {
  type RequestedRun,
  type RequestOutcome,
  type WorkerRecord,
} from '../../coordination/worker-record.js';
import { type Execution } from '../../execution/execution.js';
import { type WorkerDefinition } from '../../registry/worker-definition.js';
import { type Timing } from '../../registry/timing.js';
import { Alarm } from '../../timing/alarm.js';
import { type Scope } from '../../timing/root-context.js';
import { type ByActor } from '../../worker/actor.js';
import { type Cancellation } from '../../worker/cancellation.js';
import { type WorkerInfo } from '../../worker/worker-info.js';
import { type Loop } from '../loop.js';
import { type RunHandle } from '../run-handle.js';
import { SchedulerStoppedError } from '../scheduler.errors.js';
import { upcomingSlots } from '../upcoming.js';
import { ClaimRounds } from './claim-rounds.js';
import { ClusterControls } from './cluster-controls.js';
import { type ClusterParts } from './cluster-parts.js';
import { ClusterRequests } from './cluster-requests.js';
import { ClusterRuns } from './cluster-runs.js';
import { ClusterView } from './cluster-view.js';
import { PassedSlots } from './passed-slots.js';
import { recordInfo, recordIsStale } from './record-info.js';
import { Releaser } from './releaser.js';
import { type WaitingRequests } from './waiting-requests.js';

/** Events that are held until the coordinator knows the worker; more are skipped. */
const MOST_EARLY = 1_000;

/**
 * Drives one worker together with the loops of the other replicas. It says when; what follows is a line:
 *
 *     ClusterView (what) → PlaceInLine (whose turn) → Claimant → ClusterRuns → Releaser → ClusterView
 *
 * One claim is under way at a time.
 */
export class ClusterLoop implements Loop {
  private readonly alarm: Alarm;
  /** Events from before it was enrolled: the coordinator takes requests for workers that it knows. */
  private readonly early: [event: unknown, scope: Scope][] = [];
  private readonly requests: ClusterRequests;
  private readonly passed: PassedSlots;
  private readonly claims: ClaimRounds;
  private readonly releaser: Releaser;
  private readonly runs: ClusterRuns;
  private readonly controls: ClusterControls;
  private view?: ClusterView;
  private active = false;
  private stopped = false;
  private working?: Promise<void>;

  constructor(
    readonly definition: WorkerDefinition,
    private readonly parts: ClusterParts,
    replica: string,
  ) {
    this.alarm = new Alarm(parts.clock, () => void this.work(), definition.unref);
    this.passed = new PassedSlots(definition.name, parts.events);
    this.requests = new ClusterRequests(definition, parts, (request) => this.want(request));
    this.releaser = new Releaser(parts, () => this.view!);
    this.runs = new ClusterRuns(definition, parts, this.requests, this.releaser, () => void this.work());
    const { requests, runs, passed } = this;
    this.claims = new ClaimRounds({ definition, parts, replica, requests, runs, passed }, this, {
      view: () => this.view,
      active: () => this.active,
      stopped: () => this.stopped,
    });
    const backedOff = () => this.view && passed.backedOff(this.view, this.now());
    this.controls = new ClusterControls(definition, parts, backedOff, (record, skipped) => {
      if (this.view && skipped) passed.during(this.view, this.now());
      if (record) this.view?.learn(record);
      void this.work();
    });
  }

  get executions(): readonly Execution[] {
    return this.runs.executions;
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
    return this.claims.isFirst;
  }

  /** Undefined until it is enrolled. */
  get revision(): number | undefined {
    return this.view?.record.revision;
  }

  /** Runs that were asked for and wait, as they are known here. */
  get waiting(): WaitingRequests | undefined {
    return this.view?.requests;
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
    this.releaser.start();
    if (this.view) this.begin(this.view.record);
  }

  stop(): void {
    this.active = false;
    this.stopped = true;
    this.releaser.stop();
    this.alarm.clear();
    this.parts.limit.leave(this);
  }

  /** What is still on then is left to its lease. */
  async settled(): Promise<void> {
    await this.working;
    await this.runs.settled();
  }

  /** The coordinator knows it. */
  enrolled(record: WorkerRecord): void {
    if (this.active) this.begin(record);
    else this.view = new ClusterView(this.definition, record, this.now());
    for (const [event, scope] of this.early.splice(0)) this.happened(event, scope);
  }

  /** Another replica claims first. */
  precededBy(first: string | undefined): void {
    this.claims.precededBy(first);
  }

  /** News that was not asked for. */
  observe(record: WorkerRecord | undefined, requests: readonly RequestedRun[]): void {
    if (!this.view) return;
    if (record) this.view.overhear(record);
    this.view.requests.replace(requests.filter((request) => !this.requests.isBegun(request)));
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
    await this.controls.pause(by);
  }

  async resume(by: ByActor): Promise<void> {
    await this.ensureEnrolled();
    await this.controls.resume(this.timing, by);
  }

  async reschedule(timing: Timing, by: ByActor): Promise<void> {
    await this.ensureEnrolled();
    await this.controls.reschedule(timing, by);
  }

  async trigger(payload: unknown, scope: Scope, by: ByActor): Promise<RunHandle> {
    const { definition, stopped } = this;
    if (stopped || !definition.enabled) throw new SchedulerStoppedError(definition.name);
    await this.ensureEnrolled();
    return this.requests.trigger(payload, scope, by);
  }

  /** One that waits is known to the coordinator. */
  cancel(runId: string, by: Cancellation): 'told' | undefined {
    return this.runs.cancel(runId, by) ? 'told' : undefined;
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

  /** Claims what there is to claim, one after the other, and then waits for more. */
  private work(): Promise<void> {
    this.working ??= this.claims.make().finally(() => {
      this.working = undefined;
      this.arm();
    });
    return this.working;
  }

  private arm(): void {
    const { view, claims } = this;
    if (!this.active || !view) return this.alarm.clear();
    const now = this.now();
    if (this.runs.occupied) return this.armPassing(view, now);
    const at = claims.unsure ? now : view.nextAt(now);
    if (at === undefined) this.alarm.clear();
    else this.alarm.set(Math.max(at, now + claims.waits(view)));
  }

  /** Until the end of the active run: the slots that pass meanwhile are skipped, or end it. */
  private armPassing(view: ClusterView, now: number): void {
    const { schedule, spacing } = view.timing;
    const { overlap } = this.definition;
    const passes = this.executions.length > 0 && (overlap === 'skip' || overlap === 'cancelRunning');
    if (!passes || view.record.paused || view.limitReached || !schedule || spacing === 'delay')
      return this.alarm.clear();
    if (overlap === 'skip') this.passed.during(view, now);
    else if (view.latestDue(now) > view.record.slot) this.runs.cancelAll();
    this.alarm.set(schedule.dueAt(schedule.next(Math.max(view.record.slot, view.latestDue(now)))));
  }

  /** The coordinator refuses what is asked of a worker that it does not know, as of one that was registered a moment ago. */
  private async ensureEnrolled(): Promise<void> {
    if (this.view) return;
    await this.controls.enroll();
  }

  private want(request: RequestedRun): void {
    if (!this.view || this.requests.isBegun(request)) return;
    const { overlap } = this.definition;
    if (overlap === 'cancelRunning') this.runs.cancelAll();
    const dropsOthers = overlap === 'queueOne' || overlap === 'cancelRunning';
    if (dropsOthers) this.view.requests.addInPlace(request);
    else this.view.requests.add(request);
    void this.work();
  }
}
