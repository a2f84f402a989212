import { type Measured } from '../harness/bench.js';
import { median } from '../harness/rounds.js';

/** A figure with its unit, as a reader would say it: 1.03 s, 5.2 kB. */
export function amount(value: number, unit: Measured['unit']): string {
  switch (unit) {
    case 'ms':
      return Math.abs(value) >= 1_000 ? `${digits(value / 1_000)} s` : `${digits(value)} ms`;
    case 'B':
      return Math.abs(value) >= 1_000 ? `${digits(value / 1_000)} kB` : `${digits(value)} B`;
    case 'runs':
      return digits(value);
    case '%':
    case '/s':
      return `${digits(value)}${unit}`;
    case 'µs':
      return `${digits(value)} µs`;
  }
}

/** The median, and what it lies between if there is more than one sample and they differ. */
export function amounts({ samples, unit }: Measured): string {
  const middle = amount(median(samples), unit);
  const [least, most] = [Math.min(...samples), Math.max(...samples)].map((value) => amount(value, unit));
  return least === most ? middle : `${middle} (${least} to ${most})`;
}

/** Three that say something; a number below a thousand has no more, one above is whole. */
export function digits(value: number): string {
  const large = Math.abs(value) >= 1_000;
  return value.toLocaleString(
    'en-US',
    large ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 },
  );
}
