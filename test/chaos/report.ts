/** What a scenario of `npm run chaos` has seen. */
export interface Report {
  title: string;
  /** A name and a figure each. */
  figures: [name: string, ...figures: unknown[]][];
  /** Sentences that say what was not as it should be. */
  wrong: string[];
}

export function print({ title, figures, wrong }: Report): void {
  const width = Math.max(0, ...figures.map(([name]) => name.length));
  const lines = figures.map(([name, ...cells]) => `  ${name.padEnd(width)}  ${cells.join('  ')}`);
  process.stdout.write([`\n${title}`, ...lines, ...wrong.map((what) => `  WRONG: ${what}`), ''].join('\n'));
}

/** The middle one, and the largest. */
export function spread(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const [middle, largest] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
  return largest === undefined
    ? 'none'
    : `median ${Math.round(middle!)} ms, longest ${Math.round(largest)} ms, of ${sorted.length}`;
}
