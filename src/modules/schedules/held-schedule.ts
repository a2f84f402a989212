import { type Execution } from '../../core/execution/execution.js';
import { type Cancellation } from '../../core/worker/cancellation.js';
import { type ScheduleClaim, type ScheduleResult } from './schedule.store.js';
import { ClaimedTurn } from './next-turn.js';
import { type ScheduledHandler } from './scheduled-handlers.js';
import { type StoreTime } from './store-time.js';
import { unreadableTiming } from './stored-json.js';

/** A schedule that this replica has claimed, from the claim until its result is stored. */
export class HeldSchedule {
  private made?: ClaimedTurn;
  /** Its run; undefined while it has not started. */
  execution?: Execution;
  /** Somebody has cancelled it. */
  cancelledBy?: Cancellation;

  /** @param leaseUntil monotonic: from then on another replica may have claimed it */
  constructor(
    readonly claim: ScheduleClaim,
    readonly handler: ScheduledHandler,
    public leaseUntil: number,
  ) {}

  /** Made when it is asked for: of thousands that wait, most of what is kept for each would be this. */
  get turn(): ClaimedTurn {
    return (this.made ??= new ClaimedTurn(this.claim, this.handler));
  }

  /** What the claim comes to; where its timing cannot be used, such as a time zone that this machine does not know, its row says so and waits. */
  async resultBy(
    time: Pick<StoreTime, 'now'>,
    compute: () => ScheduleResult | undefined | Promise<ScheduleResult | undefined>,
  ): Promise<ScheduleResult | undefined> {
    try {
      return await compute();
    } catch (error) {
      return this.turn.unreadable(unreadableTiming(this.claim, error), time.now());
    }
  }

  /** An earlier holder left without a word: the run may have ended that process. */
  get suspect(): boolean {
    return this.claim.claims > 1;
  }
}
