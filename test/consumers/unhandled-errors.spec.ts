import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { builtCheckout } from '../support/app-workbench.js';
import { describeWith } from '../support/needs.js';
import { nodeOf } from '../support/parts.js';

interface End {
  code: number | null;
  /** The run that was triggered. */
  runId: string;
  output: string;
}

async function runWith(node: string, leftBehind: string): Promise<End> {
  const child = spawn(node, ['test/consumers/unhandled.mjs', leftBehind], {
    cwd: builtCheckout(),
    env: { PATH: process.env.PATH, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, runId: /^[0-9a-f-]{36}$/m.exec(output)?.[0] ?? '', output };
}

const cases = [
  ['a promise that rejects at once', 'a promise of it that nobody awaits has rejected'],
  ['a promise that rejects when the run has ended', 'a promise of it that nobody awaits has rejected'],
  ['a timer that throws', 'a callback of it has thrown'],
] as const;

function namesTheRun(node: () => string): void {
  it.each(cases)('%s ends the process as ever, and the log names the run', async (leftBehind, what) => {
    const { code, runId, output } = await runWith(node(), leftBehind);
    expect(code).toBe(1);
    expect(output).toContain(
      `Unhandled error of worker "careless" (run ${runId}): ${what}: no route to host`,
    );
    // Node's own report.
    expect(output).toMatch(/Error: no route to host\n {4}at /);
  });

  it('a promise of no run is put down to none', async () => {
    const { code, output } = await runWith(node(), 'a promise of no run');
    expect(code).toBe(1);
    expect(output).not.toContain('Unhandled error of worker');
  });
}

describe('what a run leaves behind', () => namesTheRun(() => process.execPath));

for (const major of [22, 24] as const)
  describeWith(`Node ${major}`, `what a run leaves behind on Node ${major}`, () => {
    namesTheRun(() => nodeOf(major));
  });
