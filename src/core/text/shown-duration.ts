const UNITS: readonly [ms: number, name: string][] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'm'],
  [1_000, 's'],
  [1, 'ms'],
];

/** A duration in milliseconds for people, in its two largest units: `85 ms`, `1.2 s`, `4 m 10 s`, `2 h`. */
export function shownDuration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1).replace('.0', '')} s`;
  const largest = UNITS.findIndex(([size]) => ms >= size);
  // Milliseconds beside ten seconds and more tell nobody anything.
  return partsOf(ms - (ms % 1_000), UNITS.slice(largest, largest + 2));
}

/** The whole of a duration: `1 m 30 s`, `10 s 500 ms`. A schedule that is rounded would be another one. */
export function wholeDuration(ms: number): string {
  return partsOf(Math.max(0, Math.round(ms)), UNITS) || '0 ms';
}

function partsOf(ms: number, units: typeof UNITS): string {
  let rest = ms;
  return units
    .map(([size, name]) => {
      const count = Math.floor(rest / size);
      rest -= count * size;
      return count > 0 ? `${count} ${name}` : '';
    })
    .filter(Boolean)
    .join(' ');
}
