import { parseArgs } from 'node:util';
import { Logger } from '@nestjs/common';

/** What a simulation says of a seed. */
interface SimulatedWorld {
  readonly violation: Error | undefined;
  readonly trace: readonly string[];
  /** Simulated milliseconds. */
  readonly time: number;
  readonly completions: number;
}

/**
 * The command of a simulation: `npm run NAME -- --seeds N --from S`, or `--seed X --trace` to see one.
 *
 * @param simulate makes the world of a seed
 * @param also an argument that the command itself has read
 */
export async function runSeeds(
  name: string,
  simulate: (seed: number, options: { trace: boolean }) => Promise<SimulatedWorld>,
  also?: string,
): Promise<void> {
  const { values } = parseArgs({
    args: process.argv.slice(2).filter((arg) => arg !== also),
    options: {
      seeds: { type: 'string', default: '100' },
      from: { type: 'string', default: '0' },
      seed: { type: 'string' },
      trace: { type: 'boolean', default: false },
      /** Goes on after a seed that fails. */
      all: { type: 'boolean', default: false },
    },
  });

  Logger.overrideLogger(false);
  const from = Number(values.seed ?? values.from);
  const count = values.seed === undefined ? Number(values.seeds) : 1;
  const began = performance.now();
  let time = 0;
  let completions = 0;
  let failed = 0;
  for (let seed = from; seed < from + count; seed++) {
    const result = await simulate(seed, { trace: values.trace });
    time += result.time;
    completions += result.completions;
    if (result.violation && values.all) {
      console.log(`Seed ${seed}: ${result.violation.message}`);
      failed++;
    } else if (result.violation) {
      const { trace } = values.trace ? result : await simulate(seed, { trace: true });
      console.log(trace.join('\n'));
      console.log(`Seed ${seed}: ${result.violation.message}`);
      console.log(`See it again: npm run ${name} -- ${also ? `${also} ` : ''}--seed ${seed} --trace`);
      process.exitCode = 1;
      return;
    }
    if (values.trace) console.log(result.trace.join('\n'));
    const done = seed - from + 1;
    if (done % 500 === 0 && done < count) console.log(`${done} of ${count} seeds`);
  }
  const seconds = ((performance.now() - began) / 1_000).toFixed(1);
  console.log(
    `${count} seeds from ${from}, ${failed > 0 ? `${failed} failed` : 'no violation'}: ${(time / 3_600_000).toFixed(1)} simulated hours, ` +
      `${completions} slots completed, ${seconds} s`,
  );
  process.exitCode = failed > 0 ? 1 : 0;
}
