import { Test, type TestingModule } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { context, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { taking } from '../../../test/support/workers.js';
import { type RunOutcome } from '../history/run.js';
import { Incidents } from '../incidents/incidents.js';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { ManualClock } from '../testing/manual-clock.js';
import { Clock } from '../timing/clock.js';
import { type Worker } from '../worker/worker.js';
import { WorkerModule } from '../worker.module.js';
import { type WorkerModuleOptions } from '../worker-module.options.js';
import { METRIC } from './names.js';
import { OpenTelemetryModule } from './opentelemetry.module.js';

class PulledReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

let exporter: InMemorySpanExporter;
let tracerProvider: BasicTracerProvider;
let reader: PulledReader;
let clock: ManualClock;
let app: TestingModule;
let scheduler: Scheduler;

beforeEach(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  exporter = new InMemorySpanExporter();
  tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  reader = new PulledReader();
  clock = new ManualClock();
});
afterEach(async () => {
  const closed = app.close();
  await clock.advance('1s');
  await closed;
  context.disable();
});

async function start(workers: Worker[], options: WorkerModuleOptions = {}, withSdk = true): Promise<void> {
  const meterProvider = new MeterProvider({ readers: [reader] });
  app = await Test.createTestingModule({
    imports: [
      WorkerModule.forRoot({
        drain: { timeout: 0, abortGrace: 0 },
        workers: { workers_incidents: { enabled: false } },
        ...options,
      }),
      IncidentsModule.forRoot(),
      OpenTelemetryModule.forRoot(withSdk ? { tracerProvider, meterProvider } : {}),
    ],
  })
    .overrideProvider(Clock)
    .useValue(clock)
    .setLogger({ log: () => {}, warn: () => {}, error: () => {} })
    .compile();
  scheduler = app.get(Scheduler);
  for (const worker of workers) scheduler.register(worker);
  await app.init();
}

const run = async (name: string) => (await scheduler.trigger(name)).ended;

/** Of a metric: what it counted or shows, by its attributes, those of the framework's own workers left out. */
async function measured(name: string): Promise<{ attributes: object; value: unknown }[]> {
  const { resourceMetrics } = await reader.collect();
  const metrics = resourceMetrics.scopeMetrics.flatMap(({ scope, metrics }) =>
    scope.name === 'ctrlplane-workers' ? metrics : [],
  );
  const points = metrics.find(({ descriptor }) => descriptor.name === name)?.dataPoints ?? [];
  return points
    .filter(({ attributes }) => !String(attributes['worker.name']).startsWith('workers_'))
    .map(({ attributes, value }) => ({ attributes: { ...attributes }, value }));
}

describe('OpenTelemetryModule', () => {
  it('has a span for each run, which what the run calls is below', async () => {
    await start([
      {
        name: 'import',
        interval: '1h',
        run: () => tracerProvider.getTracer('own').startActiveSpan('fetch', (span) => span.end()),
      },
    ]);
    await clock.advance('1h');
    const [below, span] = exporter.getFinishedSpans();
    expect(below).toMatchObject({ name: 'fetch', parentSpanContext: { spanId: span!.spanContext().spanId } });
    expect(span).toMatchObject({
      name: 'worker import',
      parentSpanContext: undefined,
      links: [],
      status: { code: SpanStatusCode.UNSET },
    });
    expect(span!.attributes).toEqual({
      'worker.name': 'import',
      'worker.run.id': expect.stringMatching(/^[0-9a-f-]{36}$/),
      'worker.run.trigger': 'schedule',
      'worker.run.attempt': 1,
      'worker.run.slot': expect.stringMatching(/^2026-01-01T0\d:.*Z$/),
      'worker.run.outcome': 'succeeded',
    });
    expect(span!.instrumentationScope.name).toBe('ctrlplane-workers');
  });

  it('a run that was triggered from within a span has a trace of its own, with a link', async () => {
    await start([{ name: 'w', interval: 0, run: () => {} }]);
    await tracerProvider.getTracer('own').startActiveSpan('request', async (span) => {
      await run('w');
      span.end();
    });
    const [own, request] = exporter.getFinishedSpans();
    expect(own!.spanContext().traceId).not.toBe(request!.spanContext().traceId);
    expect(own!.parentSpanContext).toBeUndefined();
    expect(own!.links.map(({ context: { spanId } }) => spanId)).toEqual([request!.spanContext().spanId]);
  });

  it.each<{ what: string; given?: Partial<Worker>; outcome: RunOutcome; type: string; cancel?: boolean }>([
    {
      what: 'failed',
      given: { run: () => Promise.reject(new TypeError('no disk')) },
      outcome: 'failed',
      type: 'TypeError',
    },
    {
      what: 'failed with what is no error',
      given: { run: () => Promise.reject('gone') },
      outcome: 'failed',
      type: 'Error',
    },
    { what: 'timed out', given: { timeout: '1s' }, outcome: 'timed_out', type: 'RunTimeoutError' },
    { what: 'was cancelled', outcome: 'cancelled', type: 'RunCancelledError', cancel: true },
  ])('says so of a run that $what', async ({ given, outcome, type, cancel = false }) => {
    await start([{ name: 'w', interval: 0, run: taking(clock, 60_000), ...given }]);
    const { runId, ended } = await scheduler.trigger('w');
    if (cancel) await scheduler.cancel(runId);
    await clock.advance('1s');
    expect((await ended).outcome).toBe(outcome);
    const [span] = exporter.getFinishedSpans();
    expect(span!.status.code).toBe(SpanStatusCode.ERROR);
    expect(span!.events.map(({ name }) => name)).toEqual(['exception']);
    expect(span!.attributes).toMatchObject({ 'worker.run.outcome': outcome, 'error.type': type });
  });

  it('counts runs by worker, outcome and trigger, and measures how long they took and how late they were', async () => {
    await start([
      { name: 'good', interval: 0, run: taking(clock, 2_000) },
      { name: 'bad', interval: 0, run: () => Promise.reject(new TypeError('no')) },
    ]);
    const { ended } = await scheduler.trigger('good');
    expect(await measured('worker.runs.active')).toEqual([
      { attributes: { 'worker.name': 'good' }, value: 1 },
    ]);
    await clock.advance('2s');
    await ended;
    await run('bad');
    await run('bad');
    const good = { 'worker.name': 'good', 'worker.run.outcome': 'succeeded', 'worker.run.trigger': 'manual' };
    const bad = {
      'worker.name': 'bad',
      'worker.run.outcome': 'failed',
      'worker.run.trigger': 'manual',
      'error.type': 'TypeError',
    };
    expect(await measured('worker.runs')).toEqual([
      { attributes: good, value: 1 },
      { attributes: bad, value: 2 },
    ]);
    expect(await measured('worker.run.duration')).toEqual([
      { attributes: good, value: expect.objectContaining({ count: 1, sum: 2 }) },
      { attributes: bad, value: expect.objectContaining({ count: 2, sum: 0 }) },
    ]);
    expect(await measured('worker.run.lateness')).toEqual([
      expect.objectContaining({ value: expect.objectContaining({ count: 1, sum: 0 }) }),
      expect.objectContaining({ value: expect.objectContaining({ count: 2 }) }),
    ]);
    for (const { value } of await measured('worker.runs.active')) expect(value).toBe(0);
    expect(await measured('worker.last_success.time')).toEqual([
      { attributes: { 'worker.name': 'good' }, value: (clock.now() - 0) / 1_000 },
    ]);
  });

  it('counts what is skipped, missed and overdue, and shows who is in trouble', async () => {
    await start([
      { name: 'slow', interval: '10s', timeout: '1m', run: taking(clock, 300_000, { deaf: true }) },
      { name: 'often', interval: '10s', run: () => Promise.reject(new Error('no')) },
    ]);
    await clock.advance('40s');
    expect(await measured('worker.slots.skipped')).toEqual([
      { attributes: { 'worker.name': 'slow' }, value: 3 },
    ]);
    clock.block('35s');
    await clock.advance('35s');
    const missed = await measured('worker.slots.missed');
    expect(missed).toContainEqual({ attributes: { 'worker.name': 'often' }, value: expect.any(Number) });
    expect(await measured('worker.runs.overdue')).toEqual([
      { attributes: { 'worker.name': 'slow' }, value: 1 },
    ]);
    expect(await measured('worker.troubled')).toEqual(
      expect.arrayContaining([
        { attributes: { 'worker.name': 'slow', 'worker.condition': 'stuck' }, value: 1 },
        { attributes: { 'worker.name': 'often', 'worker.condition': 'failing' }, value: 1 },
      ]),
    );
  });

  it('counts incidents', async () => {
    await start([]);
    const incidents = app.get(Incidents);
    const key = { kind: 'certificate', subject: 'example.com', condition: 'expiring' };
    await incidents.report({ ...key, summary: 's' });
    await incidents.resolve(key);
    await incidents.report({ kind: 'worker', subject: 'w', condition: 'lost', summary: 's' });
    const certificate = { 'incident.kind': 'certificate', 'incident.condition': 'expiring' };
    const worker = { 'incident.kind': 'worker', 'incident.condition': 'lost', 'worker.name': 'w' };
    expect(await measured('worker.incidents.opened')).toEqual([
      { attributes: certificate, value: 1 },
      { attributes: worker, value: 1 },
    ]);
    expect(await measured('worker.incidents.closed')).toEqual([{ attributes: certificate, value: 1 }]);
  });

  it('shows records that wait, and has every metric that it names', async () => {
    await start([{ name: 'w', interval: 0, run: () => {} }]);
    expect(await measured('worker.records.dropped')).toEqual([{ attributes: {}, value: 0 }]);
    expect(await measured('worker.records.buffered')).toEqual([
      { attributes: {}, value: expect.any(Number) },
    ]);
    expect(new Set(Object.values(METRIC).map(([name]) => name)).size).toBe(Object.keys(METRIC).length);
  });

  it('does nothing without an SDK', async () => {
    await start([{ name: 'w', interval: 0, run: () => trace.getActiveSpan()?.isRecording() }], {}, false);
    expect((await run('w')).outcome).toBe('succeeded');
    expect(exporter.getFinishedSpans()).toEqual([]);
    expect((await reader.collect()).resourceMetrics.scopeMetrics).toEqual([]);
  });
});
