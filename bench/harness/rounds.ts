export interface Rounds {
  /** Rounds that count. */
  count: number;
  /** Rounds before them: compilers and caches, as in a process that has been running for a while. */
  warmUp: number;
}

/**
 * Measures subjects in turn, A B A B, because these figures are taken on machines that do other things as well:
 * whatever slows a round down meets all of its subjects.
 * @param subjects each does its work once and resolves with what it took, in any unit, or with several figures
 * @returns what each took, round by round
 */
export async function inTurn<Name extends string, Sample = number>(
  { count, warmUp }: Rounds,
  subjects: Readonly<Record<Name, () => Promise<Sample>>>,
  say: (line: string) => void,
): Promise<Record<Name, Sample[]>> {
  const names = Object.keys(subjects) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, [] as Sample[]])) as Record<Name, Sample[]>;
  for (let round = 1 - warmUp; round <= count; round++) {
    for (const name of names) {
      const sample = await subjects[name]();
      if (round > 0) samples[name].push(sample);
    }
    say(round > 0 ? `round ${round} of ${count}` : 'warming up');
  }
  return samples;
}

/** Milliseconds that the work took. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Divided round by round, so that a slow moment of the machine does not fall on one side; the median of that. */
export function ratio(numerators: readonly number[], denominators: readonly number[]): number {
  return median(numerators.map((numerator, round) => numerator / denominators[round]!));
}

export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** The smallest sample that so large a part of all does not exceed. @param part from 0 to 1 @returns Infinity if there is none */
export function quantile(samples: Float64Array, part: number): number {
  return samples.toSorted()[Math.max(0, Math.ceil(part * samples.length) - 1)] ?? Infinity;
}
