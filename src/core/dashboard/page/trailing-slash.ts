import { type AbstractHttpAdapter } from '@nestjs/core';

/** The part of Fastify that is used. */
interface FastifyInstance {
  readonly initialConfig: {
    ignoreTrailingSlash?: boolean;
    routerOptions?: { ignoreTrailingSlash?: boolean };
  };
  addHook(name: 'onRoute', hook: (route: FastifyRoute) => void): void;
  hasRoute(route: FastifyRoute): boolean;
  route(route: FastifyRoute): void;
}

interface FastifyRoute {
  readonly method: string | string[];
  readonly url: string;
}

/**
 * Ignores a slash at the end of the page's addresses, as Express does by default and Fastify only with
 * `ignoreTrailingSlash`. Call it before routes are registered.
 * @param page path of the page below the application's global prefix
 */
export function takeTrailingSlash(adapter: AbstractHttpAdapter, page: string): void {
  if (adapter.getType() !== 'fastify') return;
  const fastify = adapter.getInstance<FastifyInstance>();
  const { ignoreTrailingSlash, routerOptions } = fastify.initialConfig;
  if (ignoreTrailingSlash || routerOptions?.ignoreTrailingSlash) return;
  const below = `/${page}`;
  fastify.addHook('onRoute', (route) => {
    const { url, method } = route;
    const after = url.slice(url.lastIndexOf(below) + below.length);
    // HEAD comes with GET.
    if (!url.includes(below) || !/^(?:\/[\w.-]+)?$/.test(after) || method === 'HEAD') return;
    const slashed = { ...route, url: `${url}/` };
    if (!fastify.hasRoute(slashed)) fastify.route(slashed);
  });
}
