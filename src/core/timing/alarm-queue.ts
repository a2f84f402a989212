import { type Clock, type Timer } from './clock.js';
import { inRootContext } from './root-context.js';
import { STEADY, WallWatch } from './wall-watch.js';

/**
 * Node's timers run on a clock that ignores suspension and changes of the wall clock, sometimes fire a millisecond early,
 * and overflow beyond 2^31-1 ms. So a long wait is divided into hops, and each reads the wall clock again: after such an
 * event a wait is wrong by at most this. Milliseconds.
 */
const LONGEST_HOP = 60_000;
/** Resolution of timers in milliseconds: setting one again for less has no effect. */
const FINEST = 1;

/** Index of an alarm that is not in the heap. */
const UNSET = -1;
/** Index of an alarm that was taken out of the heap to ring now. */
const DUE = -2;

/** An alarm with the fields of its queue, so that setting it allocates nothing. */
export interface QueuedAlarm {
  at: number;
  /** Serial number of its last `set`. */
  order: number;
  /** Its index in the heap; below 0 when it is not in it. */
  index: number;
  readonly ring: () => void;
}

/**
 * All alarms of a clock, by one timer, which is set for the earliest: a binary heap.
 *
 * A timer for each alarm would live as long as its wait, and only a full collection would free it: with ten thousand
 * workers that run every second it was 270 of the 620 bytes that a run left for that. Setting a timer took 1 µs; setting
 * an alarm among ten thousand takes 0.2 µs.
 *
 * Alarms that are due together ring one after the other; promise callbacks that they cause run after all of them.
 *
 * Under the fake timers of a test runner each alarm has a timer of its own, and no wait is divided: by "run the pending
 * timers" and "go to the next timer" tests mean those of their handlers.
 */
export class AlarmQueue {
  private static readonly queues = [
    new WeakMap<Clock, AlarmQueue>(),
    new WeakMap<Clock, AlarmQueue>(),
  ] as const;

  private readonly heap: QueuedAlarm[] = [];
  /** Alarms with a timer of their own. */
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

  /** @param unref whether its timer does not keep the process alive */
  static of(clock: Clock, unref: boolean): AlarmQueue {
    const queues = AlarmQueue.queues[unref ? 1 : 0];
    let queue = queues.get(clock);
    if (!queue) queues.set(clock, (queue = new AlarmQueue(clock, unref)));
    return queue;
  }

  /** Sets the instant at which the alarm rings; it replaces an earlier one. */
  set(alarm: QueuedAlarm, at: number): void {
    if (this.clock.fake) return this.setAlone(alarm, at);
    const { heap } = this;
    // An empty queue does not watch the clock: start again from its current state.
    if (heap.length === 0) this.wall.setBack();
    alarm.at = at;
    alarm.order = ++this.settings;
    this.place(alarm, alarm.index < 0 ? heap.length : alarm.index);
    // While alarms ring, the timer was just set, and only an earlier alarm needs another one. Otherwise it may be wrong:
    // the wall clock may have been set since.
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
   * In the root context: otherwise every run would belong to the async context in which the earliest alarm was set, such
   * as that of a request.
   */
  private readonly look = (): void => inRootContext(() => this.ringDue());

  private ringDue(): void {
    this.timer = undefined;
    const now = this.clock.now();
    const due = this.takeDue(now, this.wall.setBack() > STEADY);
    // Before ringing, as that may block: what becomes due meanwhile is late already, and a timer set afterwards would be
    // later still; under a manual clock, beyond the time that a test lets pass.
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

  /**
   * Takes due alarms out of the heap: an alarm that they set, even for the past, waits for the next turn and stops none
   * of them.
   */
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

  /** Compares by the monotonic clock, as the wall clock may have been set since the timer was. */
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

  /** Moves the alarm from `index` to its position. What is stored at `index` is overwritten. */
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
