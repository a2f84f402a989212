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

/** Events that are kept until the worker is enrolled; more are skipped. */
const MOST_EARLY = 1_000;

/**
 * Drives one worker together with the loops of the other replicas. It decides when; a call passes through:
 *
 *     ClusterView (what) → PlaceInLine (whose turn) → Claimant → ClusterRuns → Releaser → ClusterView
 *
 * There is one claim at a time.
 */
export class ClusterLoop implements Loop {
  private readonly alarm: Alarm;
  /** Events from before the enrolment: the coordinator refuses requests for workers that it does not know. */
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
    const changed = () => void this.work();
    this.controls = new ClusterControls(definition, parts, passed, () => this.view, changed);
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

  /** The other replicas see the same conditions, so one of them logs. */
  get speaks(): boolean {
    return this.claims.isFirst;
  }

  /** Revision of its record; undefined until it is enrolled. */
  get revision(): number | undefined {
    return this.view?.record.revision;
  }

  /** The waiting requests that this replica knows of. */
  get waiting(): WaitingRequests | undefined {
    return this.view?.requests;
  }

  /** Requests whose outcome a caller here awaits, and which are not served here. */
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

  /** Then runs that are still active are left: their leases expire. */
  async settled(): Promise<void> {
    await this.working;
    await this.runs.settled();
  }

  /** Called when the coordinator has enrolled the worker. */
  enrolled(record: WorkerRecord): void {
    if (this.active) this.begin(record);
    else this.view = new ClusterView(this.definition, record, this.now());
    for (const [event, scope] of this.early.splice(0)) this.happened(event, scope);
  }

  /** Sets the replica that claims first. */
  precededBy(first: string | undefined): void {
    this.claims.precededBy(first);
  }

  /** Takes what a pulse says. */
  observe(record: WorkerRecord | undefined, requests: readonly RequestedRun[]): void {
    if (!this.view) return;
    if (record) this.view.overhear(record);
    this.view.requests.replace(requests.filter((request) => !this.requests.isBegun(request)));
    void this.work();
  }

  /** Takes the outcome of a request, which another replica may have served. */
  settle(id: string, outcome: RequestOutcome): void {
    this.requests.settle(id, outcome);
  }

  /** Called when no more answers will come. */
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

  /** Waiting runs are cancelled by the coordinator, not here. */
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

  /** Called when a place for a run may be free. */
  pump(): void {
    void this.work();
  }

  private now(): number {
    return this.parts.clock.now();
  }

  /** Begins to claim. */
  private begin(record: WorkerRecord): void {
    this.view = new ClusterView(this.definition, record, this.now());
    if (this.definition.runOnStart && !this.view.isOver(this.now()))
      void this.requests.runOnStart(record.definitionAt);
    void this.work();
  }

  /** Makes all claims that are due, then sets the alarm for the next. */
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

  /** While a run is active: slots that pass meanwhile are skipped, or cancel it. */
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

  /** The coordinator refuses calls for a worker that it does not know, such as one that was registered a moment ago. */
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
