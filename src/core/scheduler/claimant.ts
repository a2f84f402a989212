import { randomUUID } from 'node:crypto';
import { type Claim, type ClaimAnswer } from '../coordination/coordinator.js';
import { type WorkerDefinition } from '../registry/worker-definition.js';
import { type ClusterParts, RETRY_AFTER } from './cluster-parts.js';
import { type ClusterView, type Target } from './cluster-view.js';

/** An answer, and when the claim was sent, by the monotonic clock. */
export interface Answered {
  readonly answer: ClaimAnswer;
  readonly sentAt: number;
}

/**
 * Sends the claims of one worker. One that may have been granted, as its answer has not come, is asked again until it
 * has, by the same run: by that the coordinator knows it.
 */
export class Claimant {
  private unanswered?: { target: Target; claim: Claim };
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
    const { coordinator, clock, reached } = this.parts;
    const claim = this.repeated(target) ?? this.made(target, view);
    this.unanswered = { target, claim };
    const sentAt = clock.monotonic();
    try {
      const answer = clock.heard(await coordinator.claim(claim));
      reached(undefined, 'claims', claim.worker);
      this.unanswered = undefined;
      return { answer, sentAt };
    } catch (error) {
      reached(error, 'claims', claim.worker);
      this.rest();
      return undefined;
    }
  }

  private repeated(target: Target): Claim | undefined {
    return this.unanswered?.target === target ? this.unanswered.claim : undefined;
  }

  private made(target: Target, view: ClusterView): Claim {
    const { definition, parts, replica } = this;
    // Who asked for a run was told its id.
    const asked = 'request' in target && target.request.attempts === 0 ? target.request.id : undefined;
    return {
      worker: definition.name,
      runId: this.unanswered?.claim.runId ?? asked ?? randomUUID(),
      replica,
      ...view.claimOf(target),
      lease: definition.overlap === 'allow' ? undefined : parts.lease,
      maxAttempts: definition.maxAttempts,
    };
  }
}
