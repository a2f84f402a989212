/**
 * `npm run bench` lists the benches, `npm run bench NAME` runs one and prints a table. `npm run bench report` runs those that compare
 * with packages of others (`-- --only NAME,NAME`: these, `-- --only none`: none), and writes docs/benchmarks.md. With `-- --json` stdout
 * holds one JSON object and nothing else (`npm run --silent` keeps npm's own lines away); progress goes to
 * stderr in any case.
 *
 * The exit code says whether the bench could be run and did its work. Whether a claim held is said by its `ok`:
 * a busy neighbour is no failure.
 */
import { parseArgs } from 'node:util';
import { type Bench } from './harness/bench.js';
import { thisMachine } from './harness/machine.js';
import { installPeers } from './harness/install-peers.js';
import { asJson, asTable } from './harness/report.js';
import { report } from './report/report.js';
import { batchWriter } from './batch-writer.bench.js';
import { claim } from './claim.bench.js';
import { certs } from './certs.bench.js';
import { certsDue } from './certs-due.bench.js';
import { cluster } from './cluster.bench.js';
import { dashboard } from './dashboard.bench.js';
import { docker } from './docker.bench.js';
import { dueQueue } from './due-queue.bench.js';
import { fanOut } from './fan-out.bench.js';
import { gc } from './gc.bench.js';
import { headToHead } from './head-to-head.bench.js';
import { health } from './health.bench.js';
import { healthSoak } from './health-soak.bench.js';
import { healthStore } from './health-store.bench.js';
import { history } from './history.bench.js';
import { isolate } from './isolate.bench.js';
import { lateness } from './lateness.bench.js';
import { overhead } from './overhead.bench.js';
import { pages } from './pages.bench.js';
import { register } from './register.bench.js';
import { reconcile } from './reconcile.bench.js';
import { schedules } from './schedules.bench.js';
import { startup } from './startup.bench.js';
import { telemetry } from './telemetry.bench.js';
import { telemetryQuery } from './telemetry-query.bench.js';
import { telemetryRetention } from './telemetry-retention.bench.js';

const BENCHES: readonly Bench[] = [
  certs,
  certsDue,
  batchWriter,
  claim,
  cluster,
  dashboard,
  docker,
  dueQueue,
  fanOut,
  gc,
  headToHead,
  health,
  healthSoak,
  healthStore,
  history,
  isolate,
  lateness,
  overhead,
  pages,
  register,
  reconcile,
  schedules,
  startup,
  telemetry,
  telemetryQuery,
  telemetryRetention,
];

/** Those that say how this package compares with others. */
const REPORTED: readonly Bench[] = [
  startup,
  overhead,
  lateness,
  cluster,
  schedules,
  fanOut,
  isolate,
  headToHead,
];

const list = (): string => {
  const width = Math.max(...BENCHES.map(({ name }) => name.length));
  return BENCHES.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join('\n');
};

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false }, only: { type: 'string' } },
  });
  const [name, ...rest] = positionals;
  if (name === undefined) {
    console.log(`npm run bench NAME [-- --json], npm run bench report [-- --only NAME,NAME]\n\n${list()}`);
    return;
  }
  if (rest.length > 0) throw new Error(`One bench at a time: ${positionals.join(' ')}`);
  if (name === 'report') return await writeReportOf(values.only);
  const bench = benchOf(name);
  if (bench.peers) installPeers((line) => console.error(line));
  const machine = thisMachine();
  const result = await bench.run((line) => console.error(`${bench.name}: ${line}`));
  console.log((values.json ? asJson : asTable)(bench, result, machine));
}

function benchOf(name: string): Bench {
  const bench = BENCHES.find((known) => known.name === name);
  if (!bench) throw new Error(`No bench "${name}". There are:\n${list()}`);
  return bench;
}

/** @param only names by commas, or `none`: what is there is put together again */
async function writeReportOf(only: string | undefined): Promise<void> {
  const benches = only === 'none' ? [] : (only?.split(',').map(benchOf) ?? REPORTED);
  if (benches.some(({ peers }) => peers)) installPeers((line) => console.error(line));
  await report(benches, (line) => console.error(line));
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
