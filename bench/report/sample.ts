import { type BenchResult } from '../harness/bench.js';
import { type Machine } from '../harness/machine.js';

/** All that one run of a bench has said, as `docs/benchmarks/NAME.json` keeps it. */
export interface Sample extends BenchResult {
  readonly bench: string;
  readonly summary: string;
  readonly command: string;
  /** ISO 8601. */
  readonly at: string;
  readonly commit: string;
  /** With the load before; `loadAfter` is that when it was over. */
  readonly machine: Machine;
  readonly loadAfter: number;
  /** Of the process: below 0, what else ran had to wait for it. */
  readonly niceness: number;
  /** Of the packages that it measured beside. */
  readonly versions: Readonly<Record<string, string>>;
  /** What its plot shows, as `Bench.plotted` names it. */
  readonly plotted?: readonly string[];
}

/** By name of the bench. */
export type Samples = Readonly<Record<string, Sample>>;
