import { type ServerResponse } from 'node:http';

/** The part of a Fastify instance that is used; its options are the value of a symbol that it does not export. */
type FastifyInstance = Record<symbol, { frameworkErrors?: RouterErrorHandler } | undefined>;

interface RouterError extends Error {
  readonly code?: string;
  readonly statusCode: number;
}

type RouterErrorHandler = (
  error: RouterError,
  request: unknown,
  reply: { readonly raw: ServerResponse },
) => void;

/**
 * Takes the errors that Fastify's router answers before any hook: a path that cannot be decoded, a parameter that is longer
 * than `maxParamLength`. Only the option `frameworkErrors` sees them, which has to be set before the application gives
 * us the instance; Fastify reads it anew for each error.
 * @param take whether it has answered; otherwise the application's `frameworkErrors` is called, or what Fastify would send is sent
 */
export function takeRouterErrors(
  fastify: FastifyInstance,
  take: (error: RouterError, request: unknown, reply: unknown) => boolean,
): void {
  const key = Object.getOwnPropertySymbols(fastify).find(
    ({ description }) => description === 'fastify.options',
  );
  const options = key && fastify[key];
  if (!options) return;
  const theirs = options.frameworkErrors ?? asFastify;
  options.frameworkErrors = (error, request, reply) => {
    if (!take(error, request, reply)) theirs(error, request, reply);
  };
}

/** What Fastify sends without `frameworkErrors`. */
function asFastify(
  { code, message, statusCode }: RouterError,
  _: unknown,
  { raw }: { raw: ServerResponse },
): void {
  const error = statusCode < 500 ? 'Bad Request' : 'Internal Server Error';
  const body = JSON.stringify({ error, code, message, statusCode });
  raw.writeHead(statusCode, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
  });
  raw.end(body);
}
