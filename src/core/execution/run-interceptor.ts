import { Injectable } from '@nestjs/common';
import { type RunContext } from '../worker/run-context.js';

/**
 * Wraps every run, for example in claims, a tenant's scope or a tracing context. It must call `next` and return its
 * result; an error that it throws fails the run.
 */
export interface RunInterceptor {
  intercept<T>(context: RunContext, next: () => Promise<T>): Promise<T>;
}

/** The interceptors of this application, outermost first. Add yours in `onModuleInit`. */
@Injectable()
export class RunInterceptors {
  private readonly interceptors: RunInterceptor[] = [];

  add(interceptor: RunInterceptor): void {
    this.interceptors.push(interceptor);
  }

  get any(): boolean {
    return this.interceptors.length > 0;
  }

  /** Calls `work` inside all interceptors. */
  around(context: RunContext, work: () => unknown): unknown {
    return this.from(0, context, work);
  }

  private from(index: number, context: RunContext, work: () => unknown): unknown {
    const interceptor = this.interceptors[index];
    if (!interceptor) return work();
    return interceptor.intercept(context, async () => this.from(index + 1, context, work));
  }
}
