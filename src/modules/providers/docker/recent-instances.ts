import { sleep, timeoutSignal } from '../../../core/timing/timer.js';
import { orAborted } from '../waiting.js';
import { type HeldInstance } from './container-reading.js';

/** Milliseconds for a list, after which the one before does. */
const PATIENCE = 2_000;

/** Milliseconds after which a list is given up, and the next one begun. */
const LIMIT = 60_000;

/**
 * All instances, for readings that are taken again and again. Of a busy daemon the list takes longer than everything else: of 200
 * containers up to 14 s, where all readings took 3 s. So then the list before does, and the new one is for the next time.
 */
export class RecentInstances {
  private known: HeldInstance[] | undefined;
  private listing: Promise<HeldInstance[]> | undefined;

  constructor(
    private readonly store: { all(signal: AbortSignal): Promise<HeldInstance[]> },
    private readonly patience = PATIENCE,
  ) {}

  async all(signal?: AbortSignal): Promise<HeldInstance[]> {
    signal?.throwIfAborted();
    const listing = (this.listing ??= this.begin());
    const { known } = this;
    const before = known && sleep(this.patience, undefined, true).then(() => known);
    return orAborted(before ? Promise.race([listing, before]) : listing, signal);
  }

  /** Without the signal of the caller: the others wait for it too. */
  private begin(): Promise<HeldInstance[]> {
    const listing = this.store
      .all(timeoutSignal(LIMIT))
      .then((all) => (this.known = all))
      .finally(() => (this.listing = undefined));
    listing.catch(() => undefined); // who waits is told; nobody may
    return listing;
  }
}
