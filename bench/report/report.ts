import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { getPriority, loadavg } from 'node:os';
import { type Bench } from '../harness/bench.js';
import { thisMachine } from '../harness/machine.js';
import { writeReport, writeSample } from './files.js';
import { type Sample } from './sample.js';

/** Runs benches one after the other, keeps what each has shown, and writes `docs/benchmarks.md` after each, as the next may fail. */
export async function report(benches: readonly Bench[], say: (line: string) => void): Promise<void> {
  // Also without any: the words may have changed.
  await writeReport();
  for (const bench of benches) {
    await writeSample(await sampleOf(bench, say));
    await writeReport();
    say(`${bench.name}: docs/benchmarks/${bench.name}.json, docs/benchmarks.md`);
  }
}

async function sampleOf(bench: Bench, say: (line: string) => void): Promise<Sample> {
  const machine = thisMachine();
  // Before, as somebody may commit while it runs.
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const result = await bench.run((line) => say(`${bench.name}: ${line}`));
  return {
    bench: bench.name,
    summary: bench.summary,
    command: `npm run bench report -- --only ${bench.name}`,
    at: new Date().toISOString(),
    commit,
    machine,
    loadAfter: Number(loadavg()[0]!.toFixed(2)),
    niceness: getPriority(),
    versions: bench.peers ? versionsOfPeers() : {},
    ...(bench.plotted && { plotted: bench.plotted }),
    ...result,
  };
}

/** Those that `bench/peers` has installed, and the one that is a package for developing. */
function versionsOfPeers(): Record<string, string> {
  const own = (path: string): { dependencies: Record<string, string>; version: string } =>
    JSON.parse(readFileSync(new URL(`../../${path}/package.json`, import.meta.url), 'utf8'));
  const names = Object.keys(own('bench/peers').dependencies);
  return Object.fromEntries([
    ['@nestjs/schedule', own('node_modules/@nestjs/schedule').version],
    ...names.map((name) => [name, own(`bench/peers/node_modules/${name}`).version]),
  ]);
}
