import { Injectable } from '@nestjs/common';
import { ContextIdFactory, ModuleRef } from '@nestjs/core';
import { REQUEST_CONTEXT_ID } from '@nestjs/core/router/request/request-constants.js';
import { type RunContext } from '../worker/run-context.js';
import { Enhancers, type MethodCall, type WorkerCall, type Wrapper } from './enhancers.js';

/**
 * Makes the function that a run calls. It looks up everything that can be looked up before a run, once, at discovery.
 *
 * A provider that is request-scoped, depends on a request-scoped one, or is transient is created for each run (about 35
 * µs), with the `RunContext` as its `REQUEST`. If that fails, the run fails. Nest does not call its `onModuleDestroy`.
 */
@Injectable()
export class WorkerCalls {
  constructor(private readonly enhancers: Enhancers) {}

  /**
   * @returns the call, whose last argument is the context
   * @throws Error that says which enhancer cannot be applied, and the fix
   */
  to<Call extends MethodCall = WorkerCall>(wrapper: Wrapper, prototype: object, method: string): Call {
    return this.toMethod(wrapper, prototype, method) as Call;
  }

  private toMethod(wrapper: Wrapper, prototype: object, method: string): MethodCall {
    const enhanced = this.enhancers.of(wrapper, prototype, method);
    if (!isSingleton(wrapper)) {
      const fresh = instancePerRun(wrapper);
      return async (...given) => {
        const { instance, contextId } = await fresh(given.at(-1) as RunContext);
        return enhanced ? enhanced(instance, contextId)(...given) : instance[method]!(...given);
      };
    }
    const { instance } = wrapper;
    return enhanced ? enhanced(instance) : (...given) => instance[method](...given);
  }
}

/** Whether the provider has one instance for the life of the application. */
export function isSingleton(wrapper: Wrapper): boolean {
  // A transient provider's tree counts as static.
  return wrapper.isDependencyTreeStatic() && !wrapper.isTransient;
}

function instancePerRun({ host, token }: Wrapper) {
  // The `ModuleRef` of its own module: another module may provide something else under the same token.
  const moduleRef = host!.getProviderByKey(ModuleRef).instance;
  return async (context: RunContext) => {
    const contextId = ContextIdFactory.create();
    moduleRef.registerRequestByContextId(context, contextId);
    // As Nest does for a request: `ContextIdFactory.getByRequest` reads it.
    Object.defineProperty(context, REQUEST_CONTEXT_ID, { value: contextId });
    const instance = await moduleRef.resolve<Record<string, MethodCall>>(token, contextId);
    return { instance, contextId };
  };
}
