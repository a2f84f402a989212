const DAY = 86_400_000;

/** No zone has set its clocks and set them back again within a week. */
const STEP = 7 * DAY;

/** An instant at which clocks are set, and how far they are ahead of UTC before it and from it on. */
export interface ClockChange {
  readonly at: number;
  readonly before: number;
  readonly after: number;
}

/**
 * The clock on the wall in a time zone. What it shows (a reading) is told as the milliseconds since the epoch at
 * which a clock on UTC shows the same. Clocks are taken to be set by no more than a day at once, which is what
 * Samoa did in 2011.
 */
export class WallClock {
  private readonly format?: Intl.DateTimeFormat;
  private readonly fixed: number = 0;

  /**
   * @param zone name of a time zone, or minutes ahead of UTC all year round; default: the time zone of the process
   * @throws RangeError for a name that is not of a time zone
   */
  constructor(zone?: string | number) {
    if (typeof zone === 'number') this.fixed = zone * 60_000;
    else this.format = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' });
  }

  /** The latest reading that it has shown by then. Stands still while a clock that was set back shows times again. */
  reached(at: number): number {
    const [change] = this.changes(at - DAY, at);
    const reading = at + this.offset(at);
    return change ? Math.max(reading, change.at + change.before - 1) : reading;
  }

  /** When it first shows that reading; if clocks are set past it, when they are. */
  reaches(reading: number): number {
    const at = reading - this.offset(reading);
    const [change] = this.changes(at - DAY, at + DAY);
    if (!change) return at;
    const early = reading - change.before;
    return early < change.at ? early : Math.max(change.at, reading - change.after);
  }

  /** The changes after the one instant, up to and including the other. */
  changes(after: number, until: number): ClockChange[] {
    const changes: ClockChange[] = [];
    for (let from = after; from < until; from += STEP) {
      const to = Math.min(from + STEP, until);
      if (this.offset(from) !== this.offset(to)) changes.push(this.changeWithin(from, to));
    }
    return changes;
  }

  private changeWithin(from: number, to: number): ClockChange {
    const before = this.offset(from);
    while (to - from > 1) {
      const middle = Math.floor((from + to) / 2);
      if (this.offset(middle) === before) from = middle;
      else to = middle;
    }
    return { at: to, before, after: this.offset(to) };
  }

  /** Milliseconds ahead of UTC. */
  private offset(at: number): number {
    if (!this.format) return this.fixed;
    // '1/1/2026, GMT+01:00'; Liberia was 00:44:30 behind until 1972.
    const [, sign, hours, minutes, seconds = 0] =
      /GMT([+-])(\d+):(\d+)(?::(\d+))?$/.exec(this.format.format(at)) ?? [];
    if (!sign) return 0;
    const ahead = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1_000;
    return sign === '-' ? -ahead : ahead;
  }
}
