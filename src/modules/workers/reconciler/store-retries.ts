import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { sleep, timeoutSignal } from '../../../core/timing/timer.js';
import { ProviderRegistry } from '../../providers/provider.registry.js';
import { StoreNudges } from './store-nudges.js';

/** Milliseconds until a store that could not be compared is compared again. Each further wait is twice as long, up to the longest. */
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 60_000;

/** Milliseconds between two questions whether a provider can be reached, and for its answer. */
const ASK_AGAIN = 1_000;
const ANSWERS_WITHIN = 5_000;

/**
 * Compares a store again that could not be compared, once its provider can be reached. Without that, an instance whose start or
 * removal failed because a daemon restarted would wait for the interval: 58 s in a test, where the daemon was away for one.
 */
@Injectable()
export class StoreRetries implements OnModuleDestroy {
  private readonly ending = new AbortController();
  /** The last wait of each store that could not be compared since it last could. */
  private readonly waits = new Map<string, number>();
  private readonly waiting = new Set<string>();

  constructor(
    private readonly registry: ProviderRegistry,
    private readonly nudges: StoreNudges,
  ) {}

  onModuleDestroy(): void {
    this.ending.abort();
  }

  compared(name: string): void {
    this.waits.delete(name);
  }

  failed(name: string): void {
    if (this.waiting.has(name)) return;
    const before = this.waits.get(name);
    const wait = before === undefined ? FIRST_WAIT : Math.min(2 * before, LONGEST_WAIT);
    this.waits.set(name, wait);
    this.waiting.add(name);
    void this.retry(name, wait).finally(() => this.waiting.delete(name));
  }

  private async retry(name: string, wait: number): Promise<void> {
    const { signal } = this.ending;
    try {
      await sleep(wait, signal, true);
      while (!(await this.isReachable(name))) await sleep(ASK_AGAIN, signal, true);
      this.nudges.nudge(name);
    } catch {
      // The app ends.
    }
  }

  /** Also where the provider cannot say: then the comparison shows it. */
  private async isReachable(name: string): Promise<boolean> {
    const { signal } = this.ending;
    try {
      await this.registry.get(name).healthCheck?.(AbortSignal.any([signal, timeoutSignal(ANSWERS_WITHIN)]));
      return true;
    } catch {
      signal.throwIfAborted();
      return false;
    }
  }
}
