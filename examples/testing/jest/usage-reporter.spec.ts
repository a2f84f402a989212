// In examples/testing: NODE_OPTIONS=--experimental-vm-modules npx jest --config jest/jest.config.mjs
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { WorkerTestHarness } from 'ctrlplane-workers/testing';
import { UsageApi, UsageModule, UsageReporter } from '../usage-reporter.js';

describe('the usage reporter', () => {
  const report = jest.fn<UsageApi['report']>();
  let harness: WorkerTestHarness;

  beforeEach(async () => {
    report.mockReset();
    harness = await WorkerTestHarness.create(
      { imports: [UsageModule] },
      { override: (builder) => builder.overrideProvider(UsageApi).useValue({ report }) },
    );
  });
  afterEach(() => harness.close());

  it('reports what was used every five minutes', async () => {
    harness.get(UsageReporter).units = 3;
    await harness.advance('10m');
    expect(report.mock.calls.map(([units]) => units)).toEqual([3, 0]);
  });

  it('reports again what could not be reported', async () => {
    harness.get(UsageReporter).units = 3;
    report.mockRejectedValueOnce(new Error('unreachable'));
    expect(await harness.runNext('usage_reporter')).toMatchObject({ outcome: 'failed' });
    expect(await harness.runNext('usage_reporter')).toMatchObject({ outcome: 'succeeded' });
    expect(report.mock.calls.map(([units]) => units)).toEqual([3, 3]);
  });

  it('gives up after a minute', async () => {
    report.mockImplementation(
      (_units, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    );
    const run = harness.run('usage_reporter');
    await harness.advance('1m');
    expect(await run).toMatchObject({ outcome: 'timed_out' });
  });
});
