import { randomUUID } from 'node:crypto';
import { type Claim, type ClaimAnswer } from '../../coordination/coordinator.js';
import { type WorkerDefinition } from '../../registry/worker-definition.js';
import { type ClusterParts, RETRY_AFTER } from './cluster-parts.js';
import { leaseLength } from './lease-length.js';
import { type ClusterView, type Target } from './cluster-view.js';

/** An answer to a claim. `sentAt`: when the claim was sent, by the monotonic clock. */
export interface Answered {
  readonly answer: ClaimAnswer;
  readonly sentAt: number;
  /** Length of the requested lease, milliseconds. */
  readonly lease: number | undefined;
  /** The slot is too late to be run: it was claimed to be passed over, once for all replicas. */
  readonly passesOver: boolean;
}

/** A claim that was sent. */
interface Sent {
  readonly target: Target;
  readonly claim: Claim;
  readonly passesOver: boolean;
}

/**
 * Sends the claims of one worker. A claim without an answer may have been granted, so it is repeated until there is one,
 * with the same run id: by that the coordinator recognizes it.
 */
export class Claimant {
  private unanswered?: Sent;
  /** No call before this instant of the monotonic clock. */
  private retryAt = -Infinity;

  constructor(
    private readonly definition: WorkerDefinition,
    private readonly parts: ClusterParts,
    private readonly replica: string,
  ) {}

  /** Whether a claim without an answer may have been granted. */
  get unsure(): boolean {
    return this.unanswered !== undefined;
  }

  /** Milliseconds until the next call of the coordinator. */
  get resting(): number {
    return Math.max(0, this.retryAt - this.parts.clock.monotonic());
  }

  rest(): void {
    this.retryAt = this.parts.clock.monotonic() + RETRY_AFTER;
  }

  /**
   * What to claim next. An unanswered claim comes first; if it was for a slot, the slot that is the latest by now:
   * otherwise an outage would end with a run for the slot that it began with, however old.
   */
  next(view: ClusterView): Target | undefined {
    const wanted = view.wanted(this.parts.clock.now());
    const { unanswered } = this;
    if (!unanswered || (wanted && 'slot' in wanted && 'slot' in unanswered.target)) return wanted;
    return unanswered.target;
  }

  /** @returns undefined without an answer */
  async claim(target: Target, view: ClusterView): Promise<Answered | undefined> {
    const { definition, parts } = this;
    const { coordinator, clock, reached } = parts;
    const sent = this.repeated(target) ?? this.made(target, view);
    this.unanswered = sent;
    const sentAt = clock.monotonic();
    try {
      const answer = clock.heard(await coordinator.claim(sent.claim));
      reached(undefined, 'claims', definition.name);
      this.unanswered = undefined;
      return { answer, sentAt, lease: sent.claim.lease, passesOver: sent.passesOver };
    } catch (error) {
      reached(error, 'claims', definition.name);
      this.rest();
      return undefined;
    }
  }

  private repeated(target: Target): Sent | undefined {
    return this.unanswered?.target === target ? this.unanswered : undefined;
  }

  private made(target: Target, view: ClusterView): Sent {
    const { definition, parts, replica } = this;
    const passesOver = view.isTooLate(target, parts.clock.now());
    // The caller of `trigger` has the id of the first run.
    const asked = 'request' in target && target.request.attempts === 0 ? target.request.id : undefined;
    const claimed = view.claimOf(target);
    const claim: Claim = {
      worker: definition.name,
      runId: this.unanswered?.claim.runId ?? asked ?? randomUUID(),
      replica,
      ...claimed,
      skipped: claimed.skipped + (passesOver ? 1 : 0),
      begins: !passesOver,
      lease:
        definition.overlap === 'allow' || passesOver
          ? undefined
          : leaseLength(definition, parts.lease, view.timing, parts.clock.now()),
      maxAttempts: definition.maxAttempts,
    };
    return { target, claim, passesOver };
  }
}
