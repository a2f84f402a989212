/**
 * `npm run test:matrix` installs the packed package into applications outside of the repository and runs their tests: by
 * pairs, so that each value of an axis meets each of every other. `-- --full` runs every combination, `-- --short` each value
 * once, `-- --only 'Vitest'` those whose name has that text, `-- --list` names them, `-- --fresh` installs everything anew.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { withPostgres } from '../../bench/harness/postgres.js';
import { pack } from '../support/pack.js';
import { PARTS } from '../support/parts.js';
import { testApplication } from './application.js';
import { type Cell, eachValue, everyCell, nameOf, pairwise } from './cells.js';
import { installationOf, installFor, installRunners, removeInstallations } from './installation.js';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const { values } = parseArgs({
  options: {
    full: { type: 'boolean', default: false },
    short: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    fresh: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
});
const among = values.full || values.only ? everyCell() : values.short ? eachValue() : pairwise();
const cells = among.filter((cell) => nameOf(cell).includes(values.only));

if (cells.length === 0)
  throw new Error(`No application has "${values.only}" in its name: see -- --full --list`);
if (values.list) say(cells.map(nameOf).join('\n'));
else await main();

async function main(): Promise<void> {
  for (const node of new Set(cells.map((cell) => cell.node)))
    if (!PARTS[`Node ${node}`].present()) throw new Error(`Node ${node} is not there: npm run test:setup`);
  if (values.fresh) await removeInstallations();
  const directory = await mkdtemp(join(tmpdir(), 'ctrlplane-workers-packed-'));
  try {
    const tarball = await pack(fileURLToPath(new URL('../../', import.meta.url)), directory);
    await installRunners();
    await withPostgres((url) => testAll(tarball, url));
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Those of one installation one after the other: the first of them takes as long as that is made. */
async function testAll(tarball: string, url: string): Promise<void> {
  const failed: string[] = [];
  for (const cell of cells.toSorted((a, b) => installationOf(a).localeCompare(installationOf(b)))) {
    const began = performance.now();
    const error = await attempt(cell, tarball, url);
    const took = `${((performance.now() - began) / 1_000).toFixed(1)} s`;
    say(`${error ? 'FAILED' : 'ok    '} ${nameOf(cell)} (${took})`);
    if (error) {
      say(error);
      failed.push(nameOf(cell));
    }
  }
  say(`${cells.length - failed.length} of ${cells.length} applications pass`);
  if (failed.length > 0) process.exitCode = 1;
}

async function attempt(cell: Cell, tarball: string, url: string): Promise<string | undefined> {
  try {
    await testApplication(cell, await installFor(cell, tarball), url);
    return undefined;
  } catch (error) {
    const { message, stderr } = error as Error & { stderr?: string };
    return stderr ? `${message}\n${stderr}` : message;
  }
}
