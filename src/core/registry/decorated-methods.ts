import { Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { STATIC_CONTEXT } from '@nestjs/core/injector/constants.js';
import { type Wrapper } from './enhancers.js';
import { isSingleton } from './worker-calls.js';

/** A method with metadata of a decorator, and its place. */
export interface DecoratedMethod<Metadata> {
  /** `Class.method`. */
  source: string;
  /** Name of the Nest module that holds the provider. */
  module: string;
  /** Identifies the provider: its instance, or its wrapper when each run has an instance of its own. */
  provider: object;
  wrapper: Wrapper;
  /** Undefined for a static method, which has no provider. */
  prototype: Record<string, unknown> | undefined;
  method: string;
  metadata: Metadata;
  /** Whether another function stands in the place of the decorated one. */
  replaced: boolean;
}

/** @throws Error of a static method, as nobody would know on which provider to call it, and of one that was replaced */
export function instancePrototype(
  { prototype, replaced }: Pick<DecoratedMethod<unknown>, 'prototype' | 'replaced'>,
  decorator: string,
): Record<string, unknown> {
  if (!prototype)
    throw new Error(
      `${decorator} decorates a static method, which has no provider: make it an instance method`,
    );
  if (replaced)
    throw new Error(
      `another function stands in the place of the decorated one, made by a decorator above ${decorator} or by a spy: ` +
        `put ${decorator} above that decorator, or spy on the instance`,
    );
  return prototype;
}

/** Finds decorated methods among the application's providers and controllers. */
@Injectable()
export class DecoratedMethods {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  /**
   * @param key metadata key of the decorator
   * @param known whether that provider was explored before: its methods are left out
   */
  find<Metadata>(
    key: symbol,
    known: (provider: object) => boolean = () => false,
  ): DecoratedMethod<Metadata>[] {
    const metadataOf = (value: unknown): Metadata | undefined =>
      typeof value === 'function' ? (Reflect.getMetadata(key, value) as Metadata | undefined) : undefined;
    // A factory may return an instance that has a provider of its own: each instance counts once.
    const seen = new Set<object>();
    return [...this.discovery.getProviders(), ...this.discovery.getControllers()].flatMap((wrapper) => {
      if (wrapper.isAlias || isBeingMade(wrapper) || known(providerOf(wrapper))) return [];
      if (wrapper.instance && seen.has(wrapper.instance)) return [];
      // A value (`useValue`, also as a test overrides a class) has no `metatype`, only the class of its instance.
      if (!wrapper.metatype && (typeof wrapper.instance !== 'object' || !wrapper.instance)) return [];
      if (wrapper.instance) seen.add(wrapper.instance);
      return [...this.methods(wrapper, key, metadataOf), ...statics(wrapper, metadataOf)];
    });
  }

  private methods<Metadata>(
    wrapper: Wrapper,
    key: symbol,
    metadataOf: (value: unknown) => Metadata | undefined,
  ): DecoratedMethod<Metadata>[] {
    const prototype = wrapper.instance ? prototypeOf(wrapper.instance) : wrapper.metatype?.prototype;
    if (!prototype || prototype === Object.prototype) return [];
    // The prototype's methods, not the instance's: this finds inherited ones and runs no getter.
    return this.scanner.getAllMethodNames(prototype).flatMap((method) => {
      const own = metadataOf(prototype[method]);
      const metadata = own ?? lostMetadata<Metadata>(prototype, method, key);
      return metadata ? [{ ...place(wrapper, method), prototype, metadata, replaced: !own }] : [];
    });
  }
}

function statics<Metadata>(
  wrapper: Wrapper,
  metadataOf: (value: unknown) => Metadata | undefined,
): DecoratedMethod<Metadata>[] {
  const { metatype } = wrapper;
  if (typeof metatype !== 'function') return [];
  return Object.entries(Object.getOwnPropertyDescriptors(metatype)).flatMap(([method, { value }]) => {
    const metadata = metadataOf(value);
    return metadata ? [{ ...place(wrapper, method), prototype: undefined, metadata, replaced: false }] : [];
  });
}

/** What a decorator has left on the class that has the method. A method that overrides a decorated one has none. */
function lostMetadata<Metadata>(prototype: object, method: string, key: symbol): Metadata | undefined {
  let owner: object | null = prototype;
  while (owner && !Object.hasOwn(owner, method)) owner = Object.getPrototypeOf(owner) as object | null;
  return owner ? (Reflect.getOwnMetadata(key, owner, method) as Metadata | undefined) : undefined;
}

/** Whether a lazy load is in progress: until it ends, the wrapper's instance is an empty object. */
export function isBeingMade(wrapper: Wrapper): boolean {
  return isSingleton(wrapper) && !wrapper.getInstanceByContextId(STATIC_CONTEXT).isResolved;
}

function providerOf(wrapper: Wrapper): object {
  const instance: unknown = wrapper.instance;
  return typeof instance === 'object' && instance !== null ? instance : wrapper;
}

function place(wrapper: Wrapper, method: string) {
  const type = wrapper.isFactory || !wrapper.metatype ? wrapper.instance.constructor : wrapper.metatype;
  return {
    source: `${type?.name}.${method}`,
    module: wrapper.host?.name ?? '(no module)',
    provider: providerOf(wrapper),
    wrapper,
    method,
  };
}

/** Undefined when the object cannot be read, such as a revoked proxy: a value may be anything. */
function prototypeOf(instance: object): Record<string, unknown> | null | undefined {
  try {
    return Object.getPrototypeOf(instance) as Record<string, unknown> | null;
  } catch {
    return undefined;
  }
}
