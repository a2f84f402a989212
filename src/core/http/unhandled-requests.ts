import { type Server } from 'node:http';
import { BadRequestException, HttpException, HttpStatus, NotFoundException } from '@nestjs/common';
import { type AbstractHttpAdapter, type HttpAdapterHost } from '@nestjs/core';
import { takeRouterErrors } from './fastify-router-errors.js';
import { OwnPaths } from './own-paths.js';
import { answerOversized } from './oversized-requests.js';
import { sendProblem } from './send-problem.js';

/** Names of the adapter's functions by which Nest registers routes. */
const METHODS = ['get', 'post', 'put', 'patch', 'delete', 'head', 'options', 'all'] as const;

/** An adapter, as far as it is changed here; Nest calls these functions with handlers of both platforms. */
type Registering = Record<(typeof METHODS)[number], (...given: unknown[]) => unknown>;

const answered = new WeakSet<AbstractHttpAdapter>();

/** The path has routes, but none with this method. */
class MethodNotAllowedError extends HttpException {
  constructor(
    method: string,
    readonly allow: string,
  ) {
    super(`There is no ${method} here: there is ${allow}`, HttpStatus.METHOD_NOT_ALLOWED);
  }
}

/**
 * Answers with problem details what no filter of a controller sees, where it is for a path of this package
 * (`OwnPaths`): no route, a method without a handler, a body or a path that cannot be read. The platforms tell Nest of
 * both by the two handlers that are wrapped here; all other requests are left to the handlers that were there.
 */
export function answerUnhandled(host: HttpAdapterHost): void {
  const install = () => {
    const httpAdapter = host.httpAdapter as AbstractHttpAdapter | undefined;
    // An application without HTTP has none, or one that does nothing.
    if (!httpAdapter?.getType || answered.has(httpAdapter)) return;
    answered.add(httpAdapter);
    const paths = wrap(httpAdapter);
    host.listen$.subscribe(() =>
      answerOversized(httpAdapter.getHttpServer() as Server, (method, url) => paths.includes(method, url)),
    );
  };
  // An application of `@nestjs/testing` has an adapter only after its providers.
  if (host.httpAdapter) install();
  else host.init$.subscribe(install);
}

function wrap(adapter: AbstractHttpAdapter): OwnPaths {
  const paths = new OwnPaths({ caseSensitive: adapter.getType() === 'fastify' });
  noteRoutes(adapter as unknown as Registering, paths);
  const isOwn = (request: unknown) =>
    paths.includes(adapter.getRequestMethod(request) as string, adapter.getRequestUrl(request) as string);

  const setNotFoundHandler = adapter.setNotFoundHandler?.bind(adapter);
  adapter.setNotFoundHandler = (handler: Handler, ...others: []) =>
    setNotFoundHandler?.(
      (request: unknown, response: unknown, next: unknown) =>
        isOwn(request)
          ? sendProblem(adapter, response, missing(adapter, paths, request))
          : handler(request, response, next),
      ...others,
    );

  const setErrorHandler = adapter.setErrorHandler?.bind(adapter);
  adapter.setErrorHandler = (handler: ErrorHandler, ...others: []) =>
    setErrorHandler?.(
      // Express knows a handler of errors by its four parameters.
      (error: unknown, request: unknown, response: unknown, next: unknown) =>
        isUnreadable(error) && isOwn(request)
          ? sendProblem(adapter, response, error)
          : handler(error, request, response, next),
      ...others,
    );

  if (adapter.getType() === 'fastify')
    takeRouterErrors(adapter.getInstance(), (error, request, response) => {
      const own = isOwn(request);
      if (own) sendProblem(adapter, response, error);
      return own;
    });
  return paths;
}

type Handler = (request: unknown, response: unknown, next: unknown) => unknown;
type ErrorHandler = (error: unknown, ...others: Parameters<Handler>) => unknown;

function noteRoutes(adapter: Registering, paths: OwnPaths): void {
  for (const method of METHODS) {
    const register = adapter[method].bind(adapter);
    adapter[method] = (...given) => {
      const [path, handler] = [given[0], given.at(-1)];
      if (typeof path === 'string' && typeof handler === 'function') paths.add(method, path, handler);
      return register(...given);
    };
  }
}

function missing(adapter: AbstractHttpAdapter, paths: OwnPaths, request: unknown): HttpException {
  const method = adapter.getRequestMethod(request) as string;
  const url = adapter.getRequestUrl(request) as string;
  const methods = paths.methodsOf(url);
  if (!isDecodable(url)) return new BadRequestException(`The path cannot be decoded: ${url.split('?')[0]}`);
  return methods.length === 0 || methods.includes(method)
    ? new NotFoundException(`There is nothing at ${method} ${url.split('?')[0]}`)
    : new MethodNotAllowedError(method, methods.join(', '));
}

function isDecodable(url: string): boolean {
  try {
    decodeURI(url.split('?')[0]!);
    return true;
  } catch {
    return false;
  }
}

/**
 * Whether a request could not be read: an error of Fastify, of Express's parsers of bodies, or of a path that cannot be
 * decoded. Errors of the application's own middleware are left to its filters.
 */
function isUnreadable(error: unknown): boolean {
  if (error instanceof URIError) return true;
  if (!(error instanceof Error)) return false;
  const { code, type, statusCode } = error as { code?: unknown; type?: unknown; statusCode?: unknown };
  if (typeof statusCode !== 'number' || statusCode < 400 || statusCode > 499) return false;
  return error instanceof SyntaxError || typeof type === 'string' || String(code).startsWith('FST_ERR_');
}
