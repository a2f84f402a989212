const DAY = 86_400_000;

/** Milliseconds. No zone has set its clocks and set them back again within a week. */
const STEP = 7 * DAY;

/** Weeks whose offset is kept: twenty years of them. */
const MOST_WEEKS = 1_000;

/** A change of the offset: its instant, and the milliseconds ahead of UTC before it and from it on. */
export interface ClockChange {
  readonly at: number;
  readonly before: number;
  readonly after: number;
}

/**
 * Local time in a time zone. A reading of it is given as the milliseconds since the epoch at which UTC reads the same.
 * Clocks are assumed to be set by no more than a day at once, as Samoa did in 2011.
 */
export class WallClock {
  private readonly format?: Intl.DateTimeFormat;
  private readonly fixed: number = 0;
  /** The offset of each week since the epoch; undefined where it changes. Asking `Intl` takes some microseconds, and a slot asks ten times. */
  private readonly weeks = new Map<number, number | undefined>();

  /**
   * @param zone name of a time zone, or minutes ahead of UTC all year; default: the time zone of the process
   * @throws RangeError for an unknown time zone
   */
  constructor(zone?: string | number) {
    if (typeof zone === 'number') this.fixed = zone * 60_000;
    else this.format = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' });
  }

  /** The latest reading up to `at`. It stands still while a clock that was set back repeats readings. */
  reached(at: number): number {
    const [change] = this.changes(at - DAY, at);
    const reading = at + this.offset(at);
    return change ? Math.max(reading, change.at + change.before - 1) : reading;
  }

  /** The instant of the first occurrence of a reading; of the change, when clocks are set past it. */
  reaches(reading: number): number {
    const at = reading - this.offset(reading);
    const [change] = this.changes(at - DAY, at + DAY);
    if (!change) return at;
    const early = reading - change.before;
    return early < change.at ? early : Math.max(change.at, reading - change.after);
  }

  /** The changes after `after`, up to and including `until`. */
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
    const week = Math.floor(at / STEP);
    if (!this.weeks.has(week)) {
      if (this.weeks.size >= MOST_WEEKS) this.weeks.clear();
      const [first, last] = [this.read(week * STEP), this.read((week + 1) * STEP)];
      this.weeks.set(week, first === last ? first : undefined);
    }
    return this.weeks.get(week) ?? this.read(at);
  }

  private read(at: number): number {
    // '1/1/2026, GMT+01:00'; Liberia was 00:44:30 behind until 1972.
    const [, sign, hours, minutes, seconds = 0] =
      /GMT([+-])(\d+):(\d+)(?::(\d+))?$/.exec(this.format!.format(at)) ?? [];
    if (!sign) return 0;
    const ahead = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1_000;
    return sign === '-' ? -ahead : ahead;
  }
}
