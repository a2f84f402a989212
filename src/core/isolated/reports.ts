import { type ToParent } from '../isolation/messages.js';
import { startTimer, type Timer } from '../timing/timer.js';
import { type RunProgress } from '../worker/run-context.js';

/** Milliseconds between two reports of one run. */
const EVERY = 100;

/**
 * The latest progress and metrics of a run, sent ten times a second at most: a loop that reports each of a million rows
 * would keep the application busy with messages. Sent by a timer, or by the next report of a loop that lets no timer fire.
 */
export class Reports {
  private progress?: RunProgress | undefined;
  private metrics?: Record<string, number> | undefined;
  private sentAt = -Infinity;
  private timer?: Timer | undefined;

  constructor(private readonly post: (message: ToParent) => void) {}

  reported(progress: RunProgress): void {
    this.progress = progress;
    this.sendSoon();
  }

  measured(name: string, value: number): void {
    (this.metrics ??= {})[name] = value;
    this.sendSoon();
  }

  /** Sends what has not been sent. */
  flush(): void {
    this.timer?.cancel();
    this.timer = undefined;
    const { progress, metrics } = this;
    if (!progress && !metrics) return;
    this.progress = this.metrics = undefined;
    this.sentAt = performance.now();
    if (progress) this.post({ type: 'progress', progress });
    if (metrics) this.post({ type: 'metrics', metrics });
  }

  private sendSoon(): void {
    const left = EVERY - (performance.now() - this.sentAt);
    if (left <= 0) this.flush();
    else this.timer ??= startTimer(() => this.flush(), left, true);
  }
}
