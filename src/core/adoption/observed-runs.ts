import { Injectable, type OnModuleInit } from '@nestjs/common';
import { type RunInterceptor, RunInterceptors } from '../execution/run-interceptor.js';
import { type WorkerDefinition } from '../registry/worker-definition.js';
import { WorkerRegistry } from '../registry/worker.registry.js';
import { type RunContext } from '../worker/run-context.js';
import { ScheduleSeam } from './schedule-seam.js';

/** The numbers of `@nestjs/schedule`. */
const [CRON, TIMEOUT, INTERVAL] = [1, 2, 3];

/**
 * When the wrapper of `@nestjs/schedule` is patched, as by NestJS Observe, runs of this package's own workers pass
 * through it too, under the worker's name. Runs of adopted handlers always do.
 */
@Injectable()
export class ObservedRuns implements RunInterceptor, OnModuleInit {
  /** Logs nothing here: the execution logs what a worker throws. */
  private readonly seam = new ScheduleSeam({ error: () => {} });
  private readonly inside = new WeakMap<WorkerDefinition, ReturnType<ScheduleSeam['through']>>();

  constructor(
    private readonly interceptors: RunInterceptors,
    private readonly registry: WorkerRegistry,
  ) {}

  /**
   * By this hook the wrapper is patched: patches are made in constructors, as `ScheduleModule` reads it in this hook.
   */
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
  // A worker that runs on events and triggers alone has no type.
  if (schedule) metadata.set('SCHEDULER_TYPE', kind);
  return { name, metadata, instance };
}
