import { randomUUID } from 'node:crypto';
import { type Claim, type ClaimAnswer } from '../../coordination/coordinator.js';
import { type WorkerDefinition } from '../../registry/worker-definition.js';
import { type ClusterParts, RETRY_AFTER } from './cluster-parts.js';
import { leaseLength } from './lease-length.js';
import { type ClusterView, type Target } from './cluster-view.js';

/** An answer, and when the claim was sent, by the monotonic clock. */
export interface Answered {
  readonly answer: ClaimAnswer;
  readonly sentAt: number;
  /** That was asked for, milliseconds. */
  readonly lease: number | undefined;
  /** What was claimed is too late to be run: it was claimed to be passed over, once for all replicas. */
  readonly passesOver: boolean;
}

/** One that was sent. */
interface Sent {
  readonly target: Target;
  readonly claim: Claim;
  readonly passesOver: boolean;
}

/**
 * Sends the claims of one worker. One that may have been granted, as its answer has not come, is asked again until it
 * has, by the same run: by that the coordinator knows it.
 */
export class Claimant {
  private unanswered?: Sent;
  /** By the monotonic clock: no call before. */
  private retryAt = -Infinity;

  constructor(
    private readonly definition: WorkerDefinition,
    private readonly parts: ClusterParts,
    private readonly replica: string,
  ) {}

  /** A claim may have been granted. */
  get unsure(): boolean {
    return this.unanswered !== undefined;
  }

  /** How long to leave the coordinator alone, milliseconds. */
  get resting(): number {
    return Math.max(0, this.retryAt - this.parts.clock.monotonic());
  }

  rest(): void {
    this.retryAt = this.parts.clock.monotonic() + RETRY_AFTER;
  }

  /**
   * What to claim next. What is unanswered comes first, but of slots the one that is the latest by now: after an outage
   * the one that it began with would be run, however old it is.
   */
  next(view: ClusterView): Target | undefined {
    const wanted = view.wanted(this.parts.clock.now());
    const { unanswered } = this;
    if (!unanswered || (wanted && 'slot' in wanted && 'slot' in unanswered.target)) return wanted;
    return unanswered.target;
  }

  /** @returns undefined when no answer came */
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
    // Who asked for a run was told its id.
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
