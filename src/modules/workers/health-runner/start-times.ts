import { type ArmedTurn } from './turn.js';
import { startTimer, type Timer } from '../../../core/timing/timer.js';

/** One start of a check. */
export interface ArmedStart {
  readonly armed: ArmedTurn;
  /** The instant of the store's clock that it stands for, in milliseconds. */
  readonly instant: number;
  /** The same by the monotonic clock of this process. */
  readonly due: number;
}

/**
 * Milliseconds. What falls due within one step starts at its end: such starts share one timer, and their connections
 * the turns of the event loop. 10 ms are within the noise of any check.
 */
const STEP = 10;

/** What was claimed and waits for its time. */
export class StartTimes {
  private readonly steps = new Map<number, { timer: Timer; starts: ArmedStart[] }>();
  private waiting = 0;

  constructor(private readonly onDue: (start: ArmedStart) => void) {}

  get size(): number {
    return this.waiting;
  }

  add(start: ArmedStart): void {
    const end = Math.ceil(start.due / STEP);
    let step = this.steps.get(end);
    if (!step) {
      const timer = startTimer(() => this.begin(end), end * STEP - performance.now());
      this.steps.set(end, (step = { timer, starts: [] }));
    }
    step.starts.push(start);
    this.waiting++;
  }

  /** What starts within that many milliseconds. */
  within(milliseconds: number): ArmedStart[] {
    const last = Math.ceil((performance.now() + milliseconds) / STEP);
    return [...this.steps].flatMap(([end, { starts }]) => (end <= last ? starts : []));
  }

  /** Takes away what has not started. */
  clear(): ArmedStart[] {
    const left: ArmedStart[] = [];
    for (const { timer, starts } of this.steps.values()) {
      timer.cancel();
      left.push(...starts);
    }
    this.steps.clear();
    this.waiting = 0;
    return left;
  }

  private begin(end: number): void {
    const { starts } = this.steps.get(end)!;
    this.steps.delete(end);
    this.waiting -= starts.length;
    for (const start of starts) this.onDue(start);
  }
}
