import { type ClaimAnswer } from '../../coordination/coordinator.js';
import { type WorkerDefinition } from '../../registry/worker-definition.js';
import { type Waiter } from '../run-limit.js';
import { type Answered, Claimant } from './claimant.js';
import { type ClusterParts, RETRY_AFTER } from './cluster-parts.js';
import { type ClusterRequests } from './cluster-requests.js';
import { type ClusterRuns } from './cluster-runs.js';
import { type ClusterView, type Target } from './cluster-view.js';
import { tellLost } from './lost-run.js';
import { type PassedSlots } from './passed-slots.js';
import { PlaceInLine } from './place-in-line.js';

type Granted = Answered & { readonly answer: ClaimAnswer & { granted: true } };

/** Claims in a row that are refused because other replicas were faster, before this replica waits. */
const PATIENCE = 5;

/** The worker to claim for, and what the answers are passed to. */
export interface ClaimParts {
  readonly definition: WorkerDefinition;
  readonly parts: ClusterParts;
  readonly replica: string;
  readonly requests: ClusterRequests;
  readonly runs: ClusterRuns;
  readonly passed: PassedSlots;
}

/** The current state of the loop. */
export interface ClaimingLoop {
  view(): ClusterView | undefined;
  active(): boolean;
  stopped(): boolean;
}

/** Claims for one worker: the target of its view, when it is this replica's turn and there is a place for a run. */
export class ClaimRounds {
  private readonly claimant: Claimant;
  private readonly line: PlaceInLine;
  /** Whether there is something to claim, but no place for a run. */
  private placeless = false;

  /** @param waiter its `pump` is called when there may be a place */
  constructor(
    private readonly of: ClaimParts,
    private readonly waiter: Waiter,
    private readonly loop: ClaimingLoop,
  ) {
    const { definition, parts, replica } = of;
    this.claimant = new Claimant(definition, parts, replica);
    this.line = new PlaceInLine(replica, parts.clock);
  }

  /** Whether a claim without an answer may have been granted, and has to be repeated. */
  get unsure(): boolean {
    return this.claimant.unsure;
  }

  /** Whether this replica claims first. */
  get isFirst(): boolean {
    return this.line.isFirst;
  }

  precededBy(first: string | undefined): void {
    this.line.precededBy(first);
  }

  /** Milliseconds for which not to claim, whatever is due. */
  waits({ record }: ClusterView): number {
    // `pump` is called when there may be a place; polling for one would use up the processor.
    return this.placeless ? RETRY_AFTER : Math.max(this.claimant.resting, this.line.waits(record.fencing));
  }

  /** Makes all claims that are due, one after the other. */
  async make(): Promise<void> {
    const { claimant, line } = this;
    const { definition, parts, runs } = this.of;
    for (let tries = 0; ;) {
      const view = this.loop.view();
      if (!this.loop.active() || !view || runs.occupied || claimant.resting > 0) return;
      this.placeless = false;
      const target = claimant.next(view);
      if (!target) return;
      const turn = this.turn(target, view);
      if (turn === 'wait') return;
      if (turn === 'look') {
        await parts.look(definition.name);
        line.looked(this.loop.view()!.record.fencing);
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
        // The view was wrong again: other replicas are claiming.
        if (++tries >= PATIENCE) claimant.rest();
      }
    }
  }

  /** @returns what there is a place for: the target, or a request to which the run that triggered it lends its place */
  private takePlace(target: Target, { requests }: ClusterView): Target | undefined {
    const { limit, clock } = this.of.parts;
    if (limit.take(this.waiter, requestOf(target))) return target;
    const request = limit.lends && requests.ready(clock.now()).find(({ id }) => limit.take(this.waiter, id));
    return request ? { request } : undefined;
  }

  /**
   * Every replica knows when a slot or a retry is due, so they take turns. A replica that knows of any other request has
   * made it, or found it waiting: it claims at once.
   */
  private turn(target: Target, { record, timing }: ClusterView): 'ask' | 'wait' | 'look' {
    const isKnown = 'slot' in target || target.request.notBefore !== undefined;
    if (!isKnown || this.claimant.unsure) return 'ask';
    return this.line.turn(record.fencing, timing.interval);
  }

  /** @returns whether a run has begun, which keeps its place in the limit */
  private async pursue(target: Target, view: ClusterView): Promise<boolean> {
    const answered = await this.claimant.claim(target, view);
    if (!answered) return false;
    const { answer } = answered;
    if (answer.granted) return this.granted({ ...answered, answer }, target);
    this.refused(answer, target);
    return false;
  }

  private refused(answer: ClaimAnswer & { granted: false }, target: Target): void {
    const { definition, parts } = this.of;
    const { clock, coordinator, reached } = parts;
    const { reason, wait, record } = answer;
    const view = this.loop.view()!;
    if (record) view.learn(record);
    if (reason === 'stale') this.line.overtaken();
    // The assumed time is ahead of the coordinator's: its clock was set back, or this one is fast.
    if (reason === 'too_early') clock.restart(answer);
    if (reason === 'over' && 'request' in target) view.requests.drop(target.request.id);
    if (reason === 'unknown') this.claimant.rest();
    if (reason !== 'held') return;
    view.refusedAsHeld(target, clock.now() + wait);
    if (definition.overlap === 'cancelRunning' && record && !record.cancelRequested)
      coordinator
        .cancel(record.name, record.fencing)
        .catch((error: unknown) => reached(error, 'cancellations', record.name));
  }

  private granted({ answer, sentAt, lease, passesOver }: Granted, target: Target): boolean {
    const { definition, parts, requests, runs, passed } = this.of;
    const { record, time, lost } = answer;
    const now = parts.clock.now();
    const view = this.loop.view()!;
    const request = 'request' in target ? target.request : undefined;
    const wanted = !this.loop.stopped() && !view.isTooLate(target, now);
    if ('slot' in target) passed.before(view, target.slot, now);
    view.granted(target);
    view.learn(record);
    if (request) requests.granted(request.id);
    if (lost) tellLost(definition, lost, parts);
    if (passesOver) {
      passed.late(record.slot);
      return false;
    }
    return runs.begin({ record, sentAt, time, lease, requestId: request?.id }, view, request, wanted);
  }
}

function requestOf(target: Target): string | undefined {
  return 'request' in target ? target.request.id : undefined;
}
