import { Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { INTERVAL_METADATA, type IntervalMetadata } from '../worker/interval.decorator.js';
import { type Worker } from '../worker/worker.js';

/** A decorated method as it was found; nothing but its place in a class has been checked. */
export interface Finding {
  /** `Class.method`. */
  source: string;
  /** Name of the Nest module that holds the provider. */
  module: string;
  worker?: Worker;
  /** Why there is none. */
  problem?: string;
}

type Wrapper = ReturnType<DiscoveryService['getProviders']>[number];

/** Finds the methods decorated with `@Interval` among the application's providers and controllers. */
@Injectable()
export class WorkerExplorer {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  explore(): Finding[] {
    // `useExisting` lists one instance under several tokens: each counts once.
    const seen = new Set<object>();
    return [...this.discovery.getProviders(), ...this.discovery.getControllers()].flatMap((wrapper) => {
      if (!wrapper.metatype || (wrapper.instance && seen.has(wrapper.instance))) return [];
      if (wrapper.instance) seen.add(wrapper.instance);
      return [...this.methods(wrapper), ...this.statics(wrapper)];
    });
  }

  private methods(wrapper: Wrapper): Finding[] {
    const prototype = wrapper.instance
      ? Object.getPrototypeOf(wrapper.instance)
      : wrapper.metatype?.prototype;
    if (!prototype || prototype === Object.prototype) return [];
    // The prototype's methods, not the instance's: this finds inherited ones and runs no getter.
    return this.scanner.getAllMethodNames(prototype).flatMap((method) => {
      const metadata = metadataOf(prototype[method]);
      return metadata ? [this.finding(wrapper, method, metadata)] : [];
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

  private finding(wrapper: Wrapper, method: string, { name, every, options }: IntervalMetadata): Finding {
    const at = place(wrapper, method);
    if (!wrapper.isDependencyTreeStatic() || wrapper.isTransient)
      return {
        ...at,
        problem: 'its provider is request-scoped or transient: a worker needs the default scope',
      };
    const { instance } = wrapper;
    try {
      const interval = typeof every === 'function' ? every(instance as never) : every;
      return {
        ...at,
        worker: {
          ...options,
          name: name ?? at.source,
          interval,
          run: (context) => instance[method](context),
        },
      };
    } catch (error) {
      return { ...at, problem: `the function that gives its interval threw: ${String(error)}` };
    }
  }
}

function place(wrapper: Wrapper, method: string): Pick<Finding, 'source' | 'module'> {
  return { source: `${wrapper.metatype?.name}.${method}`, module: wrapper.host?.name ?? '(no module)' };
}

function metadataOf(value: unknown): IntervalMetadata | undefined {
  return typeof value === 'function' ? Reflect.getMetadata(INTERVAL_METADATA, value) : undefined;
}
