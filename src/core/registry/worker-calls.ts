import { Injectable } from '@nestjs/common';
import { ContextIdFactory, ModuleRef } from '@nestjs/core';
import { REQUEST_CONTEXT_ID } from '@nestjs/core/router/request/request-constants.js';
import { type RunContext } from '../worker/run-context.js';
import { Enhancers, type WorkerCall, type Wrapper } from './enhancers.js';

/**
 * Makes the call of a worker's method: what a run executes. Everything that can be looked up before is looked up
 * here, once, at discovery.
 *
 * A request-scoped provider, one that depends on such, and a transient one are made anew for each run (about 35 µs),
 * with the `RunContext` as their `REQUEST`. If that fails, the run has failed. Nest calls no `onModuleDestroy` on
 * them.
 */
@Injectable()
export class WorkerCalls {
  constructor(private readonly enhancers: Enhancers) {}

  /** @throws Error that says which enhancer cannot be applied, and the fix */
  to(wrapper: Wrapper, prototype: object, method: string): WorkerCall {
    const enhanced = this.enhancers.of(wrapper, prototype, method);
    if (!isSingleton(wrapper)) {
      const fresh = instancePerRun(wrapper);
      return async (context) => {
        const { instance, contextId } = await fresh(context);
        return enhanced ? enhanced(instance, contextId)(context) : instance[method]!(context);
      };
    }
    const { instance } = wrapper;
    return enhanced ? enhanced(instance) : (context) => instance[method](context);
  }
}

/** Whether there is one instance of it, which lives as long as the application. */
export function isSingleton(wrapper: Wrapper): boolean {
  // A transient provider's tree counts as static.
  return wrapper.isDependencyTreeStatic() && !wrapper.isTransient;
}

function instancePerRun({ host, token }: Wrapper) {
  // That of its own module: another one may have something else under the same token.
  const moduleRef = host!.getProviderByKey(ModuleRef).instance;
  return async (context: RunContext) => {
    const contextId = ContextIdFactory.create();
    moduleRef.registerRequestByContextId(context, contextId);
    // Nest does the same to a request, so that `ContextIdFactory.getByRequest` finds what belongs to it.
    Object.defineProperty(context, REQUEST_CONTEXT_ID, { value: contextId });
    const instance = await moduleRef.resolve<Record<string, WorkerCall>>(token, contextId);
    return { instance, contextId };
  };
}
