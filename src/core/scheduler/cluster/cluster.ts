import { Logger } from '@nestjs/common';
import { CoordinatorClock } from './coordinator-clock.js';
import {
  type CancelAnswer,
  type Coordinator,
  type Known,
  type Pulse,
} from '../../coordination/coordinator.js';
import { type OutageState, Outages } from '../../outages/outages.js';
import { isRefused } from '../../outages/store-refused.error.js';
import { type RequestedRun, type WorkerRecord } from '../../coordination/worker-record.js';
import { type WorkerDefinition } from '../../registry/worker-definition.js';
import { type Clock, type Timer } from '../../timing/clock.js';
import { type Cancellation } from '../../worker/cancellation.js';
import { type WorkerInfo } from '../../worker/worker-info.js';
import { ClusterLoop } from './cluster-loop.js';
import { type ClusterParts, type CoordinatorOperation } from './cluster-parts.js';
import { ClusterView } from './cluster-view.js';
import { Enrolments } from './enrolments.js';
import { KeptInfos } from './kept-infos.js';
import { Membership } from './membership.js';
import { recordInfo } from './record-info.js';

/** How often a replica reads changes by others: pauses, triggers, expired leases. Milliseconds. */
const PULSE = 1_000;
/** Several pulses, so that one failed call does not make a run count as dropped. Milliseconds. */
const SILENT_AFTER = 15_000;
/** Looks of several loops are collected for this long and sent in one call. Milliseconds. */
const LOOK_AFTER = 30;
/** A revision that no record has. */
const NO_REVISION = -1;
const HOUR = 3_600_000;
/** How long the outcome of a request is kept. Milliseconds. */
const KEEP_REQUESTS = 24 * HOUR;

/** Calls that are not repeated. Their failures count as failed pulses, so that the next pulse can end the outage. */
const UNREPEATED = new Set<CoordinatorOperation>(['requests', 'cancellations', 'pruning']);

/**
 * State of the coordination. `unreachable`: no worker with scope `cluster` starts a run here. `refused`: it answers, but
 * refuses some calls, for example because a table is missing.
 */
export interface CoordinationStatus {
  state: OutageState;
  /** Calls that are refused; absent when none is. While `claims` is among them, no worker of the cluster starts here. */
  refused?: CoordinatorOperation[];
}

/** This replica's part in the cluster: its loops, what they share, and the changes by other replicas. */
export class Cluster {
  private readonly logger = new Logger('Workers');
  private readonly clock: CoordinatorClock;
  private readonly loops = new Map<string, ClusterLoop>();
  private readonly parts: ClusterParts;
  private readonly membership: Membership;
  private readonly enrolments: Enrolments;
  private readonly outages: Outages<CoordinatorOperation>;
  /** Workers for the next look, and its call. */
  private readonly curious = new Set<string>();
  private looking?: Promise<void>;
  /** Views of the last list of workers. */
  private readonly views = new WeakMap<WorkerDefinition, ClusterView>();
  private readonly kept = new KeptInfos();
  private pulseTimer?: Timer;
  private beating?: Promise<void>;
  private prunedAt = -Infinity;
  private closed = false;

  constructor(
    private readonly coordinator: Coordinator,
    own: Clock,
    private readonly replica: string,
    shared: Pick<ClusterParts, 'executor' | 'recorder' | 'events' | 'limit' | 'conditions' | 'lease'>,
    /** All active runs of this replica, also of workers with the scope `replica`. */
    private readonly local: { active(): string[]; cancel(runId: string, by: Cancellation): void },
  ) {
    this.clock = new CoordinatorClock(own);
    this.outages = new Outages(own, this.logger, {
      unreachable: (reason) =>
        `The coordination cannot be reached, so no worker of the cluster starts here: ${reason}`,
      reachable: () => 'The coordination can be reached again',
      refused: (operation, reason) => `The coordination refuses ${operation}: ${reason}`,
      accepted: (operation) => `The coordination accepts ${operation} again`,
    });
    this.parts = {
      ...shared,
      coordinator,
      clock: this.clock,
      reached: (error, operation, worker) => this.reached(error, operation, worker),
      look: (worker) => this.look(worker),
      enroll: () => this.enrolments.enroll(),
    };
    this.enrolments = new Enrolments(this.parts, this.logger);
    this.membership = new Membership(this.parts, replica, {
      claims: () => [...this.loops.values()].some(({ running }) => running),
      mayExit: () => this.mayExit,
      changed: () => this.loops.forEach((loop) => this.putInLine(loop)),
    });
  }

  get status(): CoordinationStatus {
    const { state, refused } = this.outages;
    return { state, ...(refused.length > 0 && { refused }) };
  }

  /** Makes a loop, which begins when it is enrolled. */
  loop(definition: WorkerDefinition): ClusterLoop {
    const loop = new ClusterLoop(definition, this.parts, this.replica);
    this.putInLine(loop);
    this.loops.set(definition.name, loop);
    this.enrolments.add(loop);
    return loop;
  }

  /** For a loop that is added after the application's start: enrols it at once, or with the next pulse. */
  enrollSoon(): void {
    if (this.clock.known)
      this.enrolments.enroll().catch((error: unknown) => this.reached(error, 'enrolments'));
  }

  forget(name: string): void {
    this.loops.get(name)?.closed();
    this.loops.delete(name);
    this.enrolments.forget(name);
  }

  /** Cancels a run on any replica, or drops one that waits. */
  async cancel(runId: string, by: Cancellation): Promise<CancelAnswer> {
    return this.clock.heard(await this.coordinator.cancelRun(runId, by));
  }

  /** Rejects when the coordinator cannot be opened. */
  async open(): Promise<void> {
    await this.coordinator.open();
    await this.membership.open();
    await this.hear();
    await this.enrolments.enroll();
    this.beatIn(PULSE);
  }

  /** Every worker with the scope `cluster` that is known here, as the cluster sees it now. */
  infos(): Promise<Map<string, WorkerInfo>> {
    return this.infosBy(recordInfo);
  }

  /** Like `infos`, but an info that is still valid is the same object as in the last call. */
  keptInfos(): Promise<Map<string, WorkerInfo>> {
    return this.infosBy((definition, view, around) => this.kept.of(definition, view, around));
  }

  private async infosBy(infoOf: KeptInfos['of']): Promise<Map<string, WorkerInfo>> {
    const { records, time } = this.clock.heard(await this.coordinator.records());
    const infos = new Map<string, WorkerInfo>();
    for (const record of records) {
      const loop = this.loops.get(record.name);
      if (!loop) continue;
      const { definition, executions, waiting } = loop;
      const view = this.viewOf(definition, record);
      if (waiting) view.requests.copy(waiting);
      infos.set(
        record.name,
        infoOf(definition, view, { now: time, running: definition.enabled, executions, fresh: true }),
      );
    }
    return infos;
  }

  /** The same view as long as the record is the same object. */
  private viewOf(definition: WorkerDefinition, record: WorkerRecord): ClusterView {
    const known = this.views.get(definition);
    if (known?.record === record) return known;
    const view = new ClusterView(definition, record, record.definitionAt);
    this.views.set(definition, view);
    return view;
  }

  async close(): Promise<void> {
    this.closed = true;
    this.pulseTimer?.cancel();
    await Promise.all([this.beating, this.membership.close()]);
    for (const loop of this.loops.values()) loop.closed();
    await this.coordinator.close();
  }

  private beatIn(delay: number): void {
    this.pulseTimer = this.clock.setTimer(
      () => {
        this.beating = this.beat().finally(() => {
          if (!this.closed) this.beatIn(PULSE);
        });
      },
      delay,
      this.mayExit,
    );
  }

  /** Whether no worker here keeps the process alive: then no timer of the cluster does. */
  private get mayExit(): boolean {
    return [...this.loops.values()].every(({ definition }) => definition.unref);
  }

  private async beat(): Promise<void> {
    await this.attempt('enrolments', () => this.enrolments.enroll());
    await this.attempt('news', () => this.hear());
    if (this.clock.monotonic() - this.prunedAt <= HOUR) return;
    this.prunedAt = this.clock.monotonic();
    await this.attempt('pruning', () => this.coordinator.prune(KEEP_REQUESTS));
  }

  private async attempt(operation: CoordinatorOperation, call: () => Promise<void>): Promise<void> {
    try {
      await call();
      this.reached(undefined, operation);
    } catch (error) {
      this.reached(error, operation);
    }
  }

  private async hear(): Promise<void> {
    const loops = [...this.loops.values()];
    const revisions = new Map(
      loops.flatMap(({ definition: { name }, revision }) =>
        revision === undefined ? [] : [[name, revision] as const],
      ),
    );
    const { outcomes, cancellations } = await this.pulse({
      revisions,
      awaited: loops.flatMap((loop) => loop.awaited),
      unleased: loops.flatMap((loop) => loop.unleased),
      active: this.local.active(),
    });
    for (const [id, by] of cancellations) this.local.cancel(id, by);
    for (const loop of loops)
      for (const id of loop.awaited) {
        const outcome = outcomes.get(id);
        if (outcome) loop.settle(id, outcome);
      }
  }

  /** Makes a pulse, and passes its records and requests to the loops. */
  private async pulse(known: Omit<Known, 'silentAfter'>): Promise<Pulse> {
    const pulse = this.clock.heard(await this.coordinator.pulse({ ...known, silentAfter: SILENT_AFTER }));
    this.reached(undefined, 'news');
    const { records, requests } = pulse;
    const byName = new Map(records.map((record) => [record.name, record]));
    const byWorker = new Map<string, RequestedRun[]>();
    for (const request of requests)
      byWorker.set(request.worker, [...(byWorker.get(request.worker) ?? []), request]);
    for (const name of new Set([...byName.keys(), ...byWorker.keys()]))
      this.loops.get(name)?.observe(byName.get(name), byWorker.get(name) ?? []);
    return pulse;
  }

  private look(worker: string): Promise<void> {
    this.curious.add(worker);
    this.looking ??= new Promise<void>((resolve) => this.clock.setTimer(resolve, LOOK_AFTER)).then(() => {
      const revisions = new Map([...this.curious].map((name) => [name, NO_REVISION]));
      this.curious.clear();
      this.looking = undefined;
      return this.pulse({ revisions, awaited: [], unleased: [] }).then(
        () => {},
        (error: unknown) => this.reached(error, 'news'),
      );
    });
    return this.looking;
  }

  private putInLine(loop: ClusterLoop): void {
    loop.precededBy(this.membership.firstInLine(loop.definition.name));
  }

  private reached(error: unknown, operation: CoordinatorOperation, worker?: string): void {
    // A call that fails because the connection was closed says nothing about the coordination.
    if (this.closed) return;
    if (error === undefined) this.outages.succeeded(operation, worker);
    else if (UNREPEATED.has(operation) && !isRefused(error)) this.outages.failed('news', error);
    else this.outages.failed(operation, error, worker);
  }
}
