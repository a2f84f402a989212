// In examples/testing: node --import tsx --test node-test/*.test.ts
import 'reflect-metadata';
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { WorkerTestHarness } from 'ctrlplane-workers/testing';
import { UsageApi, UsageModule, UsageReporter } from '../usage-reporter.js';

describe('the usage reporter', () => {
  const report = mock.fn<UsageApi['report']>(async () => {});
  const reported = () => report.mock.calls.map((call) => call.arguments[0]);
  let harness: WorkerTestHarness;

  beforeEach(async () => {
    report.mock.resetCalls();
    harness = await WorkerTestHarness.create(
      { imports: [UsageModule] },
      { override: (builder) => builder.overrideProvider(UsageApi).useValue({ report }) },
    );
  });
  afterEach(() => harness.close());

  it('reports what was used every five minutes', async () => {
    harness.get(UsageReporter).units = 3;
    await harness.advance('10m');
    assert.deepEqual(reported(), [3, 0]);
  });

  it('reports again what could not be reported', async () => {
    harness.get(UsageReporter).units = 3;
    report.mock.mockImplementationOnce(() => Promise.reject(new Error('unreachable')));
    assert.equal((await harness.runNext('usage_reporter')).outcome, 'failed');
    assert.equal((await harness.runNext('usage_reporter')).outcome, 'succeeded');
    assert.deepEqual(reported(), [3, 3]);
  });

  it('gives up after a minute', async () => {
    report.mock.mockImplementationOnce(
      (_units, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    );
    const run = harness.run('usage_reporter');
    await harness.advance('1m');
    assert.equal((await run).outcome, 'timed_out');
  });
});
