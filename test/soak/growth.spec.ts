import { describe, expect, it } from '@jest/globals';
import { growthOf, isTooMuch } from './growth.js';
import { plot } from './plot.js';
import { type Sample } from './samples.js';

function samples(change: (n: number) => Partial<Sample>): Sample[] {
  const steady = { rssMb: 200, handles: 40, threads: 11, connections: 10, tables: {} };
  return Array.from({ length: 100 }, (_, n) => ({ at: n * 2, ...steady, ...change(n) }));
}

function tooMuch(change: (n: number) => Partial<Sample>): string[] {
  return growthOf(samples(change))
    .filter(isTooMuch)
    .map(({ of }) => of);
}

describe('growthOf', () => {
  it('finds what grows from the second fifth of the time to the last', () => {
    expect(tooMuch(() => ({}))).toEqual([]);
    expect(tooMuch((n) => ({ rssMb: 200 + n }))).toEqual(['memory, MB']);
    expect(tooMuch((n) => ({ handles: 40 + n / 5 }))).toEqual(['handles']);
    expect(tooMuch((n) => ({ threads: 11 + n / 10 }))).toEqual(['threads']);
    expect(tooMuch((n) => ({ connections: 10 + n / 10 }))).toEqual(['connections']);
    expect(tooMuch((n) => ({ tables: { instances: { rows: 5, mb: 1 + n / 10 } } }))).toEqual([
      'instances, MB',
    ]);
  });

  it('leaves alone the start, single peaks, and records, which end by their retention', () => {
    expect(tooMuch((n) => ({ rssMb: n < 20 ? 100 : 200 }))).toEqual([]);
    expect(tooMuch((n) => ({ handles: n % 10 === 0 ? 400 : 40 }))).toEqual([]);
    expect(tooMuch((n) => ({ tables: { 'workers.runs': { rows: n, mb: n } } }))).toEqual([]);
  });
});

describe('plot', () => {
  it('draws a line with each sample for memory, handles, connections and tables', () => {
    const svg = plot(
      samples((n) => ({ rssMb: 100 + n })),
      'soak',
    );
    expect(svg.match(/<path d="M[^"]+"/g)).toHaveLength(4);
    expect(svg.match(/<path d="(M[^"]+)"/)![1]!.split('L')).toHaveLength(100);
    expect(svg).not.toMatch(/NaN|undefined/);
  });
});
