import { type Clock, SystemClock } from '../../../core/timing/clock.js';
import { type Admission, admission, IssuanceLimiter, refill } from './issuance-limiter.js';
import { type BucketUse } from './issuance-limits.js';

/** For tests and simulations: the limits of one process. */
export class InMemoryIssuanceLimiter extends IssuanceLimiter {
  private readonly fullAt = new Map<string, number>();

  constructor(private readonly clock: Clock = new SystemClock()) {
    super();
  }

  async admit(uses: readonly BucketUse[]): Promise<Admission> {
    const answer = admission(uses, this.fullAt, this.clock.now());
    if (answer.admitted) this.take(uses);
    return answer;
  }

  async spend(uses: readonly BucketUse[]): Promise<void> {
    this.take(uses);
  }

  private take(uses: readonly BucketUse[]): void {
    const now = this.clock.now();
    for (const use of uses)
      if (use.take) this.fullAt.set(use.key, Math.max(now, this.fullAt.get(use.key) ?? now) + refill(use));
  }
}
