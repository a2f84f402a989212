import { type Clock, SystemClock } from '../../core/timing/clock.js';
import {
  type BackoffOptions,
  type BackoffSettings,
  backoffSettings,
  waitAfterFailures,
} from '../database/row-backoff.js';

interface Failing {
  failures: number;
  /** Monotonic; until then the item is left alone. */
  until: number;
}

export interface ItemBackoffOptions extends BackoffOptions {
  /** Most failing items that are remembered; beyond it the one that failed longest ago is forgotten. Default 10,000. */
  limit?: number | undefined;
  clock?: Clock | undefined;
}

/**
 * Which items failed, and until when each is left alone: kept in the memory of this process, between the calls of
 * `forEachIsolated` that it is handed to. What has to outlive the process is a row's own matter (`row-backoff.ts`).
 */
export class ItemBackoff {
  /** In the order of the last failure. */
  private readonly failing = new Map<string, Failing>();
  private readonly settings: BackoffSettings;
  private readonly limit: number;
  private readonly clock: Clock;

  /** @throws Error naming the option that is wrong. */
  constructor({ limit = 10_000, clock = new SystemClock(), ...options }: ItemBackoffOptions = {}) {
    this.settings = backoffSettings(options);
    if (!(Number.isInteger(limit) && limit > 0))
      throw new Error(`limit: ${limit} is not a whole number above 0`);
    this.limit = limit;
    this.clock = clock;
  }

  /** Milliseconds until the item has its next turn; 0 when that is now. */
  remaining(key: string): number {
    return Math.max(0, (this.failing.get(key)?.until ?? 0) - this.clock.monotonic());
  }

  /** How often the item has failed since its last success. */
  failures(key: string): number {
    return this.failing.get(key)?.failures ?? 0;
  }

  failed(key: string): void {
    const failures = this.failures(key) + 1;
    this.failing.delete(key);
    if (this.failing.size >= this.limit) this.failing.delete(this.failing.keys().next().value!);
    this.failing.set(key, {
      failures,
      until: this.clock.monotonic() + waitAfterFailures(failures, this.settings),
    });
  }

  /** Also to forget an item that is gone. */
  succeeded(key: string): void {
    this.failing.delete(key);
  }
}
