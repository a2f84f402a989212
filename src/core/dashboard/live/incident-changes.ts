import { type Subscription } from 'rxjs';
import { type IncidentStore } from '../../history/incident.store.js';
import { type WorkerEvents } from '../../scheduler/worker-events.js';

/** Milliseconds between two looks; an incident of this replica makes the next look due. */
const LOOK_EVERY = 3_000;
/** Open incidents that are compared. The page shows 20 of them, and beyond these only that there are more. */
const MOST = 21;

/**
 * Whether the newest open incidents, or the silences, have changed since the last look. One look serves all clients: 50 pages that asked
 * every three seconds made 17 requests a second.
 */
export class IncidentChanges {
  private subscription?: Subscription;
  private known?: string;
  /** By `performance.now()`. */
  private nextLook = 0;

  constructor(
    private readonly store: Pick<IncidentStore, 'find' | 'silences'>,
    private readonly events: Pick<WorkerEvents, 'events$' | 'judged'>,
  ) {}

  async start(): Promise<void> {
    this.subscription = this.events.events$.subscribe((event) => {
      if ('incident' in event) this.nextLook = 0;
    });
    await this.take();
  }

  stop(): void {
    this.subscription?.unsubscribe();
  }

  /** Never rejects: while the store cannot be read, nothing has changed. */
  async take(): Promise<boolean> {
    if (!this.events.judged || performance.now() < this.nextLook) return false;
    this.nextLook = performance.now() + LOOK_EVERY;
    try {
      const [open, silences] = await Promise.all([
        this.store.find({ open: true, limit: MOST }),
        this.store.silences(),
      ]);
      const now = JSON.stringify([open.map(({ id }) => id), silences.map(({ id }) => id)]);
      const changed = this.known !== undefined && this.known !== now;
      this.known = now;
      return changed;
    } catch {
      return false;
    }
  }
}
