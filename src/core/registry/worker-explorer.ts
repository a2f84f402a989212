import { Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { STATIC_CONTEXT } from '@nestjs/core/injector/constants.js';
import { INTERVAL_METADATA, type IntervalMetadata } from '../worker/interval.decorator.js';
import { type Worker } from '../worker/worker.js';
import { type Wrapper } from './enhancers.js';
import { isSingleton, WorkerCalls } from './worker-calls.js';
import { classAndMessageOf, messageOf } from '../text/describe-error.js';

/** A decorated method as it was found; nothing but its place in a class has been checked. */
export interface Finding {
  /** `Class.method`. */
  source: string;
  /** Name of the Nest module that holds the provider. */
  module: string;
  worker?: Worker;
  /** Why there is none. */
  problem?: string;
  /** The provider: its instance, or what stands for it where each run has its own. */
  provider?: object;
}

/** Finds the methods decorated with `@Interval` among the application's providers and controllers. */
@Injectable()
export class WorkerExplorer {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly calls: WorkerCalls,
  ) {}

  /** @param known whether that provider was explored before: what comes of it is left out */
  explore(known: (provider: object) => boolean = () => false): Finding[] {
    // A factory may hand out an instance that has a provider of its own: each counts once.
    const seen = new Set<object>();
    return [...this.discovery.getProviders(), ...this.discovery.getControllers()].flatMap((wrapper) => {
      if (wrapper.isAlias || isBeingMade(wrapper) || known(providerOf(wrapper))) return [];
      if (wrapper.instance && seen.has(wrapper.instance)) return [];
      // A value (`useValue`, and what a test puts in the place of a class) has no class but its own.
      if (!wrapper.metatype && (typeof wrapper.instance !== 'object' || !wrapper.instance)) return [];
      if (wrapper.instance) seen.add(wrapper.instance);
      return [...this.methods(wrapper), ...this.statics(wrapper)];
    });
  }

  private methods(wrapper: Wrapper): Finding[] {
    const prototype = wrapper.instance ? prototypeOf(wrapper.instance) : wrapper.metatype?.prototype;
    if (!prototype || prototype === Object.prototype) return [];
    // The prototype's methods, not the instance's: this finds inherited ones and runs no getter.
    return this.scanner.getAllMethodNames(prototype).flatMap((method) => {
      const metadata = metadataOf(prototype[method]);
      return metadata ? [this.finding(wrapper, prototype, method, metadata)] : [];
    });
  }

  private statics(wrapper: Wrapper): Finding[] {
    const { metatype } = wrapper;
    if (typeof metatype !== 'function') return [];
    return Object.entries(Object.getOwnPropertyDescriptors(metatype))
      .filter(([, descriptor]) => metadataOf(descriptor.value))
      .map(([method]) => ({
        ...place(wrapper, method),
        problem: '@Interval is on a static method, which has no provider: make it an instance method',
      }));
  }

  private finding(wrapper: Wrapper, prototype: object, method: string, metadata: IntervalMetadata): Finding {
    const at = place(wrapper, method);
    const { name = at.source, every, options } = metadata;
    try {
      const interval = intervalOf(wrapper, every);
      const run = this.calls.to(wrapper, prototype, method);
      return { ...at, worker: { ...options, name, interval, run } };
    } catch (error) {
      return { ...at, problem: messageOf(error) };
    }
  }
}

function intervalOf(wrapper: Wrapper, every: IntervalMetadata['every']): Worker['interval'] {
  if (typeof every !== 'function') return every;
  if (!isSingleton(wrapper))
    throw new Error(
      'a function gives its interval, and there is no instance to ask: its provider, or one that it depends on, ' +
        'is request-scoped or transient. Give the interval as a value',
    );
  try {
    return every(wrapper.instance as never);
  } catch (error) {
    throw new Error(`the function that gives its interval threw: ${classAndMessageOf(error)}`);
  }
}

/** A lazy load is under way: until it ends, an empty object stands in the place of the instance. */
export function isBeingMade(wrapper: Wrapper): boolean {
  return isSingleton(wrapper) && !wrapper.getInstanceByContextId(STATIC_CONTEXT).isResolved;
}

function providerOf(wrapper: Wrapper): object {
  const instance: unknown = wrapper.instance;
  return typeof instance === 'object' && instance !== null ? instance : wrapper;
}

function place(wrapper: Wrapper, method: string): Pick<Finding, 'source' | 'module' | 'provider'> {
  const type = wrapper.isFactory || !wrapper.metatype ? wrapper.instance.constructor : wrapper.metatype;
  return {
    source: `${type?.name}.${method}`,
    module: wrapper.host?.name ?? '(no module)',
    provider: providerOf(wrapper),
  };
}

function metadataOf(value: unknown): IntervalMetadata | undefined {
  return typeof value === 'function' ? Reflect.getMetadata(INTERVAL_METADATA, value) : undefined;
}

/** Undefined for an object that does not tell, such as a proxy that is revoked: a value may be anything. */
function prototypeOf(instance: object): Record<string, unknown> | null | undefined {
  try {
    return Object.getPrototypeOf(instance) as Record<string, unknown> | null;
  } catch {
    return undefined;
  }
}
