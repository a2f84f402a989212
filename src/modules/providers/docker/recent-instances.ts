import { type Clock, SystemClock, type Timer } from '../../../core/timing/clock.js';
import { timeoutSignal } from '../../../core/timing/timer.js';
import { orAborted } from '../waiting.js';
import { type HeldInstance } from './container-reading.js';

/** Milliseconds for a list, after which the one before does. */
const PATIENCE = 1_000;

/** Milliseconds after which a list is given up, and the next one begun. */
const LIMIT = 60_000;

/**
 * All instances, for readings that are taken again and again. Of a busy daemon the list takes longer than everything else: of 200
 * containers up to 14 s, where all readings took 3 s. So then the list before does, and the new one is for the next time. As the
 * readings wait for a daemon that lists, it then lists for half of the time at most.
 */
export class RecentInstances {
  private known: HeldInstance[] | undefined;
  private listing: { answer: Promise<HeldInstance[]>; since: number } | undefined;
  private restsUntil = 0;

  constructor(
    private readonly store: { all(signal: AbortSignal): Promise<HeldInstance[]> },
    private readonly clock: Clock = new SystemClock(),
  ) {}

  async all(signal?: AbortSignal): Promise<HeldInstance[]> {
    signal?.throwIfAborted();
    const { known, clock } = this;
    if (known && !this.listing && clock.monotonic() < this.restsUntil) return known;
    const { answer, since } = (this.listing ??= this.begin());
    if (!known) return orAborted(answer, signal);
    const left = since + PATIENCE - clock.monotonic();
    if (left <= 0) return known;
    let timer: Timer;
    const before = new Promise<HeldInstance[]>((resolve) => {
      timer = clock.setTimer(() => resolve(known), left, true);
    });
    return orAborted(Promise.race([answer, before]), signal).finally(() => timer.cancel());
  }

  /** Without the signal of the caller: the others wait for it too. */
  private begin(): { answer: Promise<HeldInstance[]>; since: number } {
    const since = this.clock.monotonic();
    const answer = this.store
      .all(timeoutSignal(LIMIT))
      .then((all) => (this.known = all))
      .finally(() => {
        this.listing = undefined;
        const took = this.clock.monotonic() - since;
        if (took > PATIENCE) this.restsUntil = this.clock.monotonic() + took;
      });
    answer.catch(() => undefined); // who waits is told; nobody may
    return { answer, since };
  }
}
