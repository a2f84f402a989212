import { type ExecutionContext } from '@nestjs/common';
import { METHOD_METADATA } from '@nestjs/common/constants.js';
import { type ModulesContainer } from '@nestjs/core';

// Metadata keys of `@nestjs/cache-manager` and `@nestjs/throttler`, which do not export them.
const CACHE_KEY = 'cache_module:cache_key';
const CACHE_TTL = 'cache_module:cache_ttl';
const THROTTLER_OPTIONS = 'THROTTLER:MODULE_OPTIONS';
const SKIPS_THROTTLER = 'THROTTLER:SKIP';

/** Marks a controller for `keepApartFromNamed`. */
const API_CONTROLLER = 'ctrlplane-workers:api-controller';

type Prototype = Record<string, unknown>;

/**
 * Excludes a controller, which answers with current state, from the application's global `CacheInterceptor` and
 * `ThrottlerGuard`. Decorators of the controller, or of one that extends it, override this: `@CacheTTL(…)`,
 * `@CacheKey(…)`, `@SkipThrottle({ default: false })`.
 */
export function keepApart(controller: object): void {
  Reflect.defineMetadata(API_CONTROLLER, true, controller);
  skipThrottler(controller, 'default');
  const { prototype } = controller as { prototype: Prototype };
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const handler = prototype[name];
    if (typeof handler !== 'function' || !Reflect.hasMetadata(METHOD_METADATA, handler)) continue;
    if (!Reflect.hasMetadata(CACHE_KEY, handler)) Reflect.defineMetadata(CACHE_KEY, cacheKey, handler);
  }
}

/**
 * Excludes the controllers from named throttlers, whose names are only known when the modules exist. Call it before the
 * application listens.
 */
export function keepApartFromNamed(modules: ModulesContainer): void {
  const all = [...modules.values()];
  const names = all.flatMap(({ providers }) => throttlersOf(providers.get(THROTTLER_OPTIONS)?.instance));
  if (names.length === 0) return;
  for (const { metatype } of all.flatMap(({ controllers }) => [...controllers.values()]))
    if (metatype && Reflect.hasMetadata(API_CONTROLLER, metatype))
      for (const name of names) skipThrottler(metatype, name);
}

function throttlersOf(options: unknown): string[] {
  const list = Array.isArray(options) ? options : (options as { throttlers?: unknown })?.throttlers;
  return Array.isArray(list) ? list.map(({ name = 'default' }: { name?: string }) => name) : [];
}

function skipThrottler(controller: object, name: string): void {
  if (!Reflect.hasMetadata(SKIPS_THROTTLER + name, controller))
    Reflect.defineMetadata(SKIPS_THROTTLER + name, true, controller);
}

/** No key: not cached. */
function cacheKey(context: ExecutionContext): string | undefined {
  const asked =
    Reflect.hasMetadata(CACHE_TTL, context.getHandler()) ||
    Reflect.hasMetadata(CACHE_TTL, context.getClass());
  return asked ? context.switchToHttp().getRequest<{ url: string }>().url : undefined;
}
