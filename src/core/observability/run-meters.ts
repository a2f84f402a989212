import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import {
  type Attributes,
  type Meter,
  metrics,
  type Observable,
  type ObservableCallback,
} from '@opentelemetry/api';
import { type Run, latenessOf } from '../history/run.js';
import { RunRecorder } from '../history/run.recorder.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { type WorkerEvent } from '../scheduler/worker-events.js';
import { ATTRIBUTE, METRIC, SCOPE } from './names.js';
import { OPENTELEMETRY_OPTIONS } from './opentelemetry.module-definition.js';
import { type OpenTelemetryOptions } from './opentelemetry.options.js';

/** Buckets of durations in seconds: runs take milliseconds to hours. */
const BOUNDARIES = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3_600, 14_400];

/** Counts events of runs of this process, and observes the state of workers. */
@Injectable()
export class RunMeters implements OnModuleInit, OnApplicationShutdown {
  /** Attributes of the active runs of this process, by id. */
  private readonly active = new Map<string, Attributes>();
  private heed: (event: WorkerEvent) => void = () => {};
  private readonly ends: (() => void)[] = [];

  constructor(
    @Inject(OPENTELEMETRY_OPTIONS) private readonly options: OpenTelemetryOptions,
    private readonly scheduler: Scheduler,
    private readonly recorder: RunRecorder,
  ) {}

  onModuleInit(): void {
    const meter = (this.options.meterProvider ?? metrics).getMeter(SCOPE);
    this.heed = this.counting(meter);
    this.observe(meter);
    const subscription = this.scheduler.events$.subscribe((event) => this.heed(event));
    this.ends.push(() => subscription.unsubscribe());
  }

  /** In this hook the drain is over: its runs are counted. */
  onApplicationShutdown(): void {
    for (const end of this.ends.splice(0)) end();
  }

  private counting(meter: Meter): (event: WorkerEvent) => void {
    const duration = histogram(meter, METRIC.duration);
    const lateness = histogram(meter, METRIC.lateness);
    const runs = counter(meter, METRIC.runs);
    const overdue = counter(meter, METRIC.overdue);
    const skipped = counter(meter, METRIC.skipped);
    const missed = counter(meter, METRIC.missed);
    const leasesLost = counter(meter, METRIC.leasesLost);
    const opened = counter(meter, METRIC.opened);
    const closed = counter(meter, METRIC.closed);
    const active = meter.createUpDownCounter(...named(METRIC.active));

    const ended = (run: Run): void => {
      const began = this.active.get(run.id);
      if (began) {
        this.active.delete(run.id);
        active.add(-1, began);
        duration.record((run.endedAt!.getTime() - run.startedAt.getTime()) / 1_000, outcomeOf(run));
      }
      // Two replicas may emit an event for one lost run: the one that detected it counts the run, the run's own one
      // counts the lease.
      if (run.outcome === 'lost' && run.replica === this.recorder.replica.id)
        leasesLost.add(1, of(run.worker));
      else runs.add(1, outcomeOf(run));
    };
    return (event) => {
      switch (event.type) {
        case 'run.started': {
          const attributes = of(event.worker);
          this.active.set(event.run.id, attributes);
          active.add(1, attributes);
          lateness.record(Math.max(0, latenessOf(event.run)) / 1_000, {
            ...attributes,
            [ATTRIBUTE.trigger]: event.run.trigger,
          });
          return;
        }
        case 'run.overdue':
          return overdue.add(1, of(event.worker));
        case 'run.skipped':
          return skipped.add(event.count, of(event.worker));
        case 'run.missed':
          return missed.add(event.count, of(event.worker));
        case 'incident.opened':
        case 'incident.closed': {
          const { kind, subject, condition } = event.incident;
          const attributes = { [ATTRIBUTE.incidentKind]: kind, [ATTRIBUTE.incidentCondition]: condition };
          const which = kind === 'worker' ? { ...attributes, ...of(subject) } : attributes;
          return (event.type === 'incident.opened' ? opened : closed).add(1, which);
        }
        default:
          return ended(event.run);
      }
    };
  }

  private observe(meter: Meter): void {
    const { scheduler, recorder } = this;
    this.watch(meter.createObservableCounter(...named(METRIC.dropped)), (result) =>
      result.observe(recorder.status().dropped),
    );
    this.watch(meter.createObservableGauge(...named(METRIC.buffered)), (result) =>
      result.observe(recorder.status().buffered),
    );
    this.watch(meter.createObservableGauge(...named(METRIC.condition)), (result) => {
      for (const { name, conditions } of scheduler.workers())
        for (const condition of conditions)
          result.observe(1, { ...of(name), [ATTRIBUTE.condition]: condition });
    });
    this.watch(meter.createObservableGauge(...named(METRIC.lastSuccess)), (result) => {
      for (const { name, lastSuccess } of scheduler.workers())
        if (lastSuccess) result.observe(lastSuccess.getTime() / 1_000, of(name));
    });
  }

  private watch(instrument: Observable, callback: ObservableCallback): void {
    instrument.addCallback(callback);
    this.ends.push(() => instrument.removeCallback(callback));
  }
}

type Parts = readonly [name: string, unit: string, description: string];

/** Arguments to create an instrument. */
function named([name, unit, description]: Parts): [string, { unit: string; description: string }] {
  return [name, { unit, description }];
}

function counter(meter: Meter, parts: Parts) {
  return meter.createCounter(...named(parts));
}

function histogram(meter: Meter, [name, unit, description]: Parts) {
  return meter.createHistogram(name, { unit, description, advice: { explicitBucketBoundaries: BOUNDARIES } });
}

function of(worker: string): Attributes {
  return { [ATTRIBUTE.worker]: worker };
}

function outcomeOf({ worker, outcome, trigger, error }: Run): Attributes {
  return {
    ...of(worker),
    [ATTRIBUTE.outcome]: outcome,
    [ATTRIBUTE.trigger]: trigger,
    ...(error && { [ATTRIBUTE.errorType]: error.name ?? 'Error' }),
  };
}
