import { Inject, Injectable } from '@nestjs/common';
import {
  EXCEPTION_FILTERS_METADATA,
  GUARDS_METADATA,
  INTERCEPTORS_METADATA,
  PIPES_METADATA,
  ROUTE_ARGS_METADATA,
} from '@nestjs/common/constants.js';
import { ApplicationConfig, type ContextId, type DiscoveryService, ModuleRef } from '@nestjs/core';
import { RunContext } from '../worker/run-context.js';
import { WORKER_OPTIONS } from '../worker/module-options.token.js';
import { type RegistryOptions } from './registry.options.js';
import { WORKER_CONTEXT, workerContextCreator } from './worker-context-creator.js';

/** Nest's wrapper of a provider or controller. */
export type Wrapper = ReturnType<DiscoveryService['getProviders']>[number];

/** Calls a worker's method. */
export type WorkerCall = (context: RunContext) => unknown;

/** Calls a method of a provider. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each decorator knows its own arguments
export type MethodCall = (...given: any[]) => unknown;

/** Makes the call of a method of an instance, inside its enhancers. The context id is absent for a singleton. */
export type EnhancedMethod = (instance: object, contextId?: ContextId) => MethodCall;

/** A parameter with a decorator, as Nest stores it on the class. */
interface DecoratedParameter {
  index: number;
  /** Absent on decorators for requests and messages, such as `@Body()`. */
  factory?: unknown;
  pipes?: unknown[];
}

type Handler = (this: unknown, ...args: unknown[]) => unknown;

/** Enhancers around a call. Pipes are not among them: they only act on decorated parameters. */
const AROUND_A_CALL = [GUARDS_METADATA, INTERCEPTORS_METADATA, EXCEPTION_FILTERS_METADATA];

/**
 * Guards, interceptors, pipes and exception filters of workers' methods and classes. The application's global ones apply
 * only with `globalEnhancers: true`: a guard that requires a user's token would refuse every run.
 */
@Injectable()
export class Enhancers {
  private readonly globalEnhancers: boolean;

  constructor(
    private readonly moduleRef: ModuleRef,
    private readonly config: ApplicationConfig,
    @Inject(WORKER_OPTIONS) { globalEnhancers = false }: Pick<RegistryOptions, 'globalEnhancers'>,
  ) {
    this.globalEnhancers = globalEnhancers;
  }

  /**
   * @returns undefined if the method has none: then it is called directly, which takes 0.05 µs instead of 1 to 5 µs
   * @throws Error that says which enhancer cannot be applied, and the fix
   */
  of(wrapper: Wrapper, prototype: object, method: string): EnhancedMethod | undefined {
    const handler = (prototype as Record<string, Handler>)[method]!;
    const targets = [
      handler,
      prototype.constructor,
      ...(wrapper.isFactory || !wrapper.metatype ? [] : [wrapper.metatype]),
    ];
    const parameters = decoratedParameters(prototype, method);
    const around = targets.some((target) => AROUND_A_CALL.some((key) => Reflect.hasMetadata(key, target)));
    if (!around && parameters.length === 0 && !this.globalEnhancers) return undefined;

    checkParameters(parameters);
    checkKnown(wrapper, targets, parameters);
    if (this.globalEnhancers) checkGlobals(this.config);
    const creator = workerContextCreator(this.moduleRef, wrapper.host!.token, this.globalEnhancers);
    const callback = parameters.length === 0 ? handler : contextFirst(handler);
    return (instance, contextId) =>
      creator.create(
        instance,
        callback,
        method,
        ROUTE_ARGS_METADATA,
        { exchangeKeyForValue: () => undefined },
        contextId,
        wrapper.id,
        undefined,
        WORKER_CONTEXT,
      );
  }
}

/** Nest calls a method with decorated parameters with the values of the decorators only; this adds the `RunContext`. */
function contextFirst(handler: Handler): Handler {
  const callback: Handler = function (this: unknown, _nothing, ...decorated) {
    return handler.call(this, RunContext.current(), ...decorated);
  };
  // Guards and interceptors read metadata of the handler: they find the method's.
  return Object.setPrototypeOf(callback, handler) as Handler;
}

function decoratedParameters(prototype: object, method: string): DecoratedParameter[] {
  return Object.values(Reflect.getMetadata(ROUTE_ARGS_METADATA, prototype.constructor, method) ?? {});
}

function checkParameters(parameters: DecoratedParameter[]): void {
  for (const { index, factory } of parameters) {
    if (index === 0)
      throw new Error('its first parameter has a decorator, and is the RunContext: decorate a later one');
    if (!factory)
      throw new Error(
        `its parameter ${index + 1} has a decorator for requests or messages, and a run is neither: make one with createParamDecorator`,
      );
  }
}

/** Nest silently ignores an enhancer that it has not instantiated: such a guard would allow everything. */
function checkKnown(wrapper: Wrapper, targets: object[], parameters: DecoratedParameter[]): void {
  const named = [...AROUND_A_CALL, PIPES_METADATA].flatMap((key) =>
    targets.flatMap((target): unknown[] => Reflect.getMetadata(key, target) ?? []),
  );
  const pipes = parameters.flatMap((parameter) => parameter.pipes ?? []);
  for (const enhancer of [...named, ...pipes])
    if (typeof enhancer === 'function' && !wrapper.host!.injectables.has(enhancer))
      throw new Error(
        `its ${enhancer.name} would not apply, as Nest makes the enhancers of classes that it constructs: ` +
          'provide the worker by its class rather than by a factory, or give the enhancer as an instance',
      );
}

/** Nest makes request-scoped global enhancers for each request, at routes only. */
function checkGlobals(config: ApplicationConfig): void {
  const scoped = [
    ...config.getGlobalRequestGuards(),
    ...config.getGlobalRequestInterceptors(),
    ...config.getGlobalRequestPipes(),
    ...config.getGlobalRequestFilters(),
  ];
  if (scoped.length > 0)
    throw new Error(
      `globalEnhancers is true, and of the global ones ${scoped.map(({ name }) => String(name)).join(', ')} ` +
        'is request-scoped or transient, which workers cannot have: give it the default scope, or name it at the worker',
    );
}
