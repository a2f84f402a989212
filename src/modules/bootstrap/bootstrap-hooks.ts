import { Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { type Datacenter } from '../datacenters/datacenter.js';
import { BOOTSTRAP_HOOK_METADATA, type BootstrapHookMetadata } from './bootstrap-hook.decorator.js';

/** A hook that was found. */
export interface FoundHook {
  name: string;
  /** Whatever it gives: nothing has checked it. */
  contribute(datacenter: Datacenter, signal: AbortSignal): Promise<unknown>;
}

/** Two hooks under one name: what each contributed last is kept by it, so it must mean one. */
export class DuplicateBootstrapHookError extends Error {
  override readonly name = 'DuplicateBootstrapHookError';

  constructor(readonly hook: string) {
    super(`There are two bootstrap hooks "${hook}": give one of them another name`);
  }
}

/** The `@BootstrapHook()` methods of all providers, in the order of their registration. */
@Injectable()
export class BootstrapHooks {
  private hooks?: FoundHook[];

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  /** @throws DuplicateBootstrapHookError */
  all(): readonly FoundHook[] {
    return (this.hooks ??= this.find());
  }

  private find(): FoundHook[] {
    const found = new Map<string, FoundHook>();
    for (const { instance, metatype } of this.discovery.getProviders()) {
      const prototype = (metatype as { prototype?: object } | null)?.prototype;
      if (!instance || !prototype) continue;
      for (const method of this.scanner.getAllMethodNames(prototype)) {
        const handler = (prototype as Record<string, object>)[method]!;
        const metadata = Reflect.getMetadata(BOOTSTRAP_HOOK_METADATA, handler) as
          BootstrapHookMetadata | undefined;
        if (!metadata) continue;
        const name = metadata.name ?? `${(metatype as { name: string }).name}.${method}`;
        if (found.has(name)) throw new DuplicateBootstrapHookError(name);
        const target = instance as Record<string, (...args: unknown[]) => unknown>;
        found.set(name, { name, contribute: async (...args) => target[method]!(...args) });
      }
    }
    return [...found.values()];
  }
}
