import { Injectable, type OnModuleInit } from '@nestjs/common';
import { type RunInterceptor, RunInterceptors } from '../execution/run-interceptor.js';
import { type WorkerDefinition } from '../registry/worker-definition.js';
import { WorkerRegistry } from '../registry/worker.registry.js';
import { type RunContext } from '../worker/run-context.js';
import { ScheduleSeam } from './schedule-seam.js';

/** As `@nestjs/schedule` numbers them. */
const [CRON, TIMEOUT, INTERVAL] = [1, 2, 3];

/**
 * Where the wrapper of `@nestjs/schedule` is patched, as by NestJS Observe, runs of the workers of this package pass through
 * it too, by the worker's name. Those of adopted handlers do so anyway.
 */
@Injectable()
export class ObservedRuns implements RunInterceptor, OnModuleInit {
  /** What a worker throws is logged as that of a worker. */
  private readonly seam = new ScheduleSeam({ error: () => {} });
  private readonly inside = new WeakMap<WorkerDefinition, ReturnType<ScheduleSeam['through']>>();

  constructor(
    private readonly interceptors: RunInterceptors,
    private readonly registry: WorkerRegistry,
  ) {}

  /** Whoever patches the wrapper does so in a constructor, as `ScheduleModule` reads it in this hook. */
  onModuleInit(): void {
    if (this.seam.patched) this.interceptors.add(this);
  }

  async intercept<T>({ worker }: RunContext, next: () => Promise<T>): Promise<T> {
    const definition = this.registry.find(worker);
    if (!definition || definition.logsItsErrors) return next();
    let inside = this.inside.get(definition);
    if (!inside) this.inside.set(definition, (inside = this.seam.through(calledAs(definition, this))));
    return inside(next).outcome as Promise<T>;
  }
}

function calledAs(definition: WorkerDefinition, instance: object) {
  const { name, every, cron, schedule } = definition;
  const metadata = new Map<unknown, unknown>([['SCHEDULER_NAME', name]]);
  const kind = cron !== undefined ? CRON : typeof every === 'object' ? TIMEOUT : INTERVAL;
  // What runs on events and triggers alone is of no kind.
  if (schedule) metadata.set('SCHEDULER_TYPE', kind);
  return { name, metadata, instance };
}
