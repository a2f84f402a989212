import { type Clock } from '../../core/timing/clock.js';
import { type Cancellation } from '../../core/worker/cancellation.js';
import { type HeldSchedule } from './held-schedule.js';
import { type ScheduleStore } from './schedule.store.js';

/** Milliseconds between two times that a shared store is asked: behind a backlog it is claimed from a hundred times a second. */
const EVERY = 400;

/** Hears which of the schedules that this replica holds somebody has cancelled, on whichever replica. */
export class ScheduleCancellations {
  private asked = -Infinity;

  /** @param held by token @param cancel called again for the same until its result is stored */
  constructor(
    private readonly store: ScheduleStore,
    private readonly clock: Pick<Clock, 'monotonic'>,
    private readonly replica: string,
    private readonly held: ReadonlyMap<number, HeldSchedule>,
    private readonly cancel: (held: HeldSchedule, by: Cancellation) => void,
  ) {}

  async look(): Promise<void> {
    const now = this.clock.monotonic();
    if (this.held.size === 0 || (this.store.shared && now - this.asked < EVERY)) return;
    this.asked = now;
    for (const [token, by] of await this.store.cancellations(this.replica)) {
      const held = this.held.get(token);
      if (held) this.cancel(held, by);
    }
  }
}
