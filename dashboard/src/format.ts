import { shownDuration as duration, wholeDuration } from '../../src/core/text/shown-duration.js';
import { visible as escaped } from '../../src/core/text/visible.js';

export { duration, wholeDuration };

/** `in 4 s`, `12 s ago`. */
export function relative(instant: string, now: number): string {
  const ms = Date.parse(instant) - now;
  if (Math.abs(ms) < 1_000) return 'now';
  const rounded = duration(Math.round(Math.abs(ms) / 1_000) * 1_000);
  return ms > 0 ? `in ${rounded}` : `${rounded} ago`;
}

export function instant(value: string): string {
  return new Date(value).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
}

export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, value > 0 ? Math.floor(Math.log10(value) / 3) : 0);
  return `${(value / 1_000 ** power).toFixed(power && value / 1_000 ** power < 10 ? 1 : 0)} ${units[power]}`;
}

/** Foreign text as it is: what cannot be seen, or would turn what comes after it, is written as JSON escapes it. Lines stay. */
export function visible(text: string): string {
  return text.replace(/[^\n\t]+/g, escaped);
}

/** Foreign text, cut for a line. */
export function cut(text: string, longest = 300): string {
  return visible(text.length > longest ? `${text.slice(0, longest)}…` : text);
}

/** What a worker's schedule says. */
export function schedule({
  interval,
  cron,
  next_run,
}: {
  interval: number;
  cron?: string;
  next_run?: string;
}): string {
  if (cron) return cron;
  if (interval) return `every ${wholeDuration(interval)}`;
  // Nobody knows when an event comes: what has a next run is due at that instant alone.
  return next_run === undefined ? 'on events' : 'once';
}
