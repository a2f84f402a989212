import { startTicking, type Timer } from '../../../core/timing/timer.js';
import { type HealthCheckRepository } from '../../health-checks/health-check.repository.js';
import { type ArmedTurn } from './turn.js';

/** Milliseconds between two looks. */
const EVERY = 200;

/** Milliseconds: what starts by then is looked at. More than `EVERY`, so that nothing starts that was not. */
export const LOOK_AHEAD = 250;

export interface ChangedChecksParts {
  checks: Pick<HealthCheckRepository, 'changedAcrossTenants'>;
  /** Turns that start within `LOOK_AHEAD`, or wait for room. */
  soon: () => readonly ArmedTurn[];
}

/**
 * Notices that a check was changed or removed after its turn was claimed, shortly before it starts: by one look at the store
 * for all that start in the next quarter of a second. Such a turn is no longer current (`isCurrent`) and does not start; the
 * changed check has a turn of its own.
 */
export class ChangedChecks {
  private timer?: Timer;
  private looking = false;
  private ended = false;

  constructor(private readonly parts: ChangedChecksParts) {}

  /** Begins; never again once it was stopped. */
  start(): void {
    if (!this.ended) this.timer ??= startTicking(() => void this.look(), EVERY);
  }

  stop(): void {
    this.ended = true;
    this.timer?.cancel();
  }

  /** One look. Of a store that is away nothing is known: what was claimed is run as it was. */
  async look(): Promise<void> {
    const turns = this.looking ? [] : this.parts.soon();
    if (turns.length === 0) return;
    this.looking = true;
    try {
      const changed = await this.parts.checks.changedAcrossTenants(turns.map(({ turn }) => turn));
      for (const { turn, position } of turns)
        if (changed.has(turn.checkId)) position.revision = Math.max(position.revision, turn.revision + 1);
    } catch {
      // The claims that fail say so.
    } finally {
      this.looking = false;
    }
  }
}
