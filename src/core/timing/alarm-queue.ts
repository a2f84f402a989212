import { type Clock, type Timer } from './clock.js';
import { inRootContext } from './root-context.js';
import { STEADY, WallWatch } from './wall-watch.js';

/**
 * Node's timers run on a clock that knows neither suspend nor a wall clock that is set, fire a millisecond
 * early at times, and overflow beyond 2^31-1 ms. So a long wait is cut into hops, and each looks at the wall
 * clock again: a wait is at most this much off after such an event.
 */
const LONGEST_HOP = 60_000;
/** Timers count in milliseconds: to set one again for less would be in vain. */
const FINEST = 1;

/** Where an alarm is that is not in the heap. */
const UNSET = -1;
/** It has been taken out to ring in the look that is under way. */
const DUE = -2;

/** An alarm as its queue sees it. The fields are the queue's, so that to set an alarm allocates nothing. */
export interface QueuedAlarm {
  at: number;
  /** Which setting of all it was. */
  order: number;
  /** Where it is in the heap; less than 0 when it is not. */
  index: number;
  readonly ring: () => void;
}

/**
 * All alarms of a clock, by one timer, which is set for the earliest: a binary heap.
 *
 * A timer for each alarm lives as long as the wait, grows old, and is left to a full collection: of ten thousand
 * workers that run every second, it was 270 of the 620 bytes that a run left there. To set one cost 1 µs; to set an
 * alarm among ten thousand costs 0.2 µs.
 *
 * Alarms that are due at one look ring one after the other, and what they set off by promises runs after all of them.
 *
 * Under the fake timers of a test runner each alarm is a timer of its own, and no wait is cut into hops: tests say "run
 * the pending timers", "go to the next timer", and mean those of their handlers.
 */
export class AlarmQueue {
  private static readonly queues = [
    new WeakMap<Clock, AlarmQueue>(),
    new WeakMap<Clock, AlarmQueue>(),
  ] as const;

  private readonly heap: QueuedAlarm[] = [];
  /** Those with a timer of their own. */
  private readonly alone = new Map<QueuedAlarm, Timer>();
  private readonly wall: WallWatch;
  private settings = 0;
  private timer?: Timer;
  /** When the timer fires, by the monotonic clock. */
  private wakes = 0;
  private looking = false;

  private constructor(
    private readonly clock: Clock,
    private readonly unref: boolean,
  ) {
    this.wall = new WallWatch(clock);
  }

  /** @param unref its timer does not keep the process alive */
  static of(clock: Clock, unref: boolean): AlarmQueue {
    const queues = AlarmQueue.queues[unref ? 1 : 0];
    let queue = queues.get(clock);
    if (!queue) queues.set(clock, (queue = new AlarmQueue(clock, unref)));
    return queue;
  }

  /** Has it ring at that instant, and at no other that was set before. */
  set(alarm: QueuedAlarm, at: number): void {
    if (this.clock.fake) return this.setAlone(alarm, at);
    const { heap } = this;
    // The clock was not read meanwhile, and did not have to be.
    if (heap.length === 0) this.wall.setBack();
    alarm.at = at;
    alarm.order = ++this.settings;
    this.place(alarm, alarm.index < 0 ? heap.length : alarm.index);
    // A timer that was set before this look may be wrong for any: the wall clock may have been set since.
    if (!this.looking || alarm.index === 0) this.arm();
  }

  clear(alarm: QueuedAlarm): void {
    if (this.alone.size > 0) this.clearAlone(alarm);
    if (alarm.index >= 0) this.remove(alarm);
    alarm.index = UNSET;
    if (this.heap.length > 0) return;
    this.timer?.cancel();
    this.timer = undefined;
  }

  private setAlone(alarm: QueuedAlarm, at: number): void {
    if (this.alone.has(alarm) && alarm.at === at) return;
    this.clear(alarm);
    alarm.at = at;
    const fired = (): void => {
      this.alone.delete(alarm);
      ring(alarm);
    };
    this.alone.set(alarm, this.clock.setTimer(fired, Math.max(0, at - this.clock.now()), this.unref));
  }

  private clearAlone(alarm: QueuedAlarm): void {
    this.alone.get(alarm)?.cancel();
    this.alone.delete(alarm);
  }

  /**
   * In the root context: the timer belongs to whoever happened to set the earliest alarm, and every run of every worker
   * would be taken for a part of the request in which that was.
   */
  private readonly look = (): void => inRootContext(() => this.ringDue());

  private ringDue(): void {
    this.timer = undefined;
    const now = this.clock.now();
    const due = this.takeDue(now, this.wall.setBack() > STEADY);
    // Now, as one that rings may block: what falls due meanwhile is late already, and a timer that were set then would
    // be later still; under a manual clock, beyond what a test lets pass.
    this.arm();
    this.looking = true;
    try {
      for (const alarm of due) if (alarm.index === DUE) ring(alarm);
    } catch (error) {
      for (const alarm of due) if (alarm.index === DUE) this.set(alarm, Math.min(alarm.at, now));
      throw error;
    } finally {
      this.looking = false;
    }
  }

  /** What rings is out of the heap: what it sets, be it for the past, waits for the next look, and stops none of these. */
  private takeDue(now: number, all: boolean): QueuedAlarm[] {
    const { heap } = this;
    const due: QueuedAlarm[] = [];
    for (let next = heap[0]; next && (all || next.at <= now); next = heap[0]) {
      this.remove(next);
      next.index = DUE;
      due.push(next);
    }
    return due;
  }

  /** By the monotonic clock, as the wall clock may have been set since the timer was. */
  private arm(): void {
    const { clock, heap } = this;
    const next = heap[0];
    if (!next) return;
    const delay = Math.min(Math.max(0, next.at - clock.now()), LONGEST_HOP);
    const wakes = clock.monotonic() + delay;
    if (this.timer && wakes > this.wakes - FINEST) return;
    this.timer?.cancel();
    this.wakes = wakes;
    this.timer = clock.setTimer(this.look, delay, this.unref);
  }

  private remove(alarm: QueuedAlarm): void {
    const last = this.heap.pop()!;
    if (last !== alarm) this.place(last, alarm.index);
  }

  /** Puts it where it belongs; what is at that index now is itself, or nothing that is to stay. */
  private place(alarm: QueuedAlarm, index: number): void {
    this.put(alarm, this.sunk(alarm, this.risen(alarm, index)));
  }

  private risen(alarm: QueuedAlarm, index: number): number {
    while (index > 0) {
      const above = (index - 1) >> 1;
      if (isBefore(this.heap[above]!, alarm)) break;
      this.put(this.heap[above]!, index);
      index = above;
    }
    return index;
  }

  private sunk(alarm: QueuedAlarm, index: number): number {
    const { heap } = this;
    for (;;) {
      let below = 2 * index + 1;
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below++;
      if (below >= heap.length || isBefore(alarm, heap[below]!)) return index;
      this.put(heap[below]!, index);
      index = below;
    }
  }

  private put(alarm: QueuedAlarm, index: number): void {
    this.heap[index] = alarm;
    alarm.index = index;
  }
}

function ring(alarm: QueuedAlarm): void {
  alarm.index = UNSET;
  alarm.ring();
}

function isBefore(a: QueuedAlarm, b: QueuedAlarm): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
