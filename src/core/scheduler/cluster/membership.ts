import { type Timer } from '../../timing/clock.js';
import { type ClusterParts } from './cluster-parts.js';
import { firstInLine } from './precedence.js';

/** How often a replica announces itself and reads the other members. Milliseconds. */
const ANNOUNCE_EVERY = 200;

/**
 * How long a replica stays a member without an announcement, as one may fail. Milliseconds. The other replicas know that
 * it is gone within `ABSENT_AFTER + ANNOUNCE_EVERY`. Later slots are claimed in time; those before are claimed late (see
 * `PlaceInLine`), but within a second of its death.
 */
const ABSENT_AFTER = 500;

/** The replicas that claim slots, including this one while it does. */
export class Membership {
  private members: readonly string[] = [];
  private timer?: Timer;
  private announcing?: Promise<void>;
  private closed = false;

  /**
   * @param own.claims whether this replica claims slots now
   * @param own.mayExit whether its timer does not keep the process alive
   * @param own.changed called when a replica has come or gone
   */
  constructor(
    private readonly parts: Pick<ClusterParts, 'coordinator' | 'clock' | 'reached'>,
    private readonly replica: string,
    private readonly own: {
      readonly claims: () => boolean;
      readonly mayExit: () => boolean;
      readonly changed: () => void;
    },
  ) {}

  /** Rejects when the coordinator cannot be reached. */
  async open(): Promise<void> {
    await this.announce(undefined);
    this.announceLater();
  }

  /** The replica that claims a worker's slots first; undefined when none is known. */
  firstInLine(worker: string): string | undefined {
    return firstInLine(worker, this.members);
  }

  async close(): Promise<void> {
    this.closed = true;
    this.timer?.cancel();
    await this.announcing;
  }

  private announceLater(): void {
    this.timer = this.parts.clock.setTimer(
      () => {
        this.announcing = this.tick().finally(() => {
          if (!this.closed) this.announceLater();
        });
      },
      ANNOUNCE_EVERY,
      this.own.mayExit(),
    );
  }

  /** A replica that claims nothing does not need the list. */
  private async tick(): Promise<void> {
    if (!this.own.claims()) return;
    try {
      await this.announce(this.replica);
      this.parts.reached(undefined, 'announcements');
    } catch (error) {
      this.parts.reached(error, 'announcements');
    }
  }

  private async announce(replica: string | undefined): Promise<void> {
    const { coordinator, clock } = this.parts;
    const { members } = clock.heard(await coordinator.announce(replica, ABSENT_AFTER));
    const sorted = members.toSorted();
    if (sorted.join() === this.members.join()) return;
    this.members = sorted;
    this.own.changed();
  }
}
