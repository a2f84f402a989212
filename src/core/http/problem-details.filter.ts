import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { TooManyFailuresError } from './access-check.js';
import { problemOf } from './problem.js';

/**
 * Answers every error of a controller with problem details (RFC 9457). For one controller by `@UseFilters`, for an
 * application by `app.useGlobalFilters(new ProblemDetailsFilter(app.get(HttpAdapterHost)))`, which also covers errors
 * outside controllers: bodies that cannot be parsed, unknown routes.
 */
@Catch()
export class ProblemDetailsFilter implements ExceptionFilter {
  private readonly logger = new Logger('Http');

  constructor(private readonly host: HttpAdapterHost) {}

  catch(error: unknown, context: ArgumentsHost): void {
    if (context.getType() !== 'http') throw error;
    const { httpAdapter } = this.host;
    const response: unknown = context.switchToHttp().getResponse();
    if (httpAdapter.isHeadersSent(response)) return httpAdapter.end(response);
    const own = ownBody(error);
    if (own) return httpAdapter.reply(response, own.body, own.status);
    const problem = problemOf(error);
    if (problem.status === 500) this.logger.error(error);
    if (problem.status === 401) httpAdapter.setHeader(response, 'WWW-Authenticate', 'Bearer');
    if (error instanceof TooManyFailuresError)
      httpAdapter.setHeader(response, 'Retry-After', String(error.retryAfter));
    httpAdapter.setHeader(response, 'Content-Type', 'application/problem+json; charset=utf-8');
    httpAdapter.reply(response, JSON.stringify(problem), problem.status);
  }
}

/**
 * The body of an exception that is an answer with an error status, such as the result of a health check: it is not
 * changed.
 */
function ownBody(error: unknown): { body: object; status: number } | undefined {
  if (!(error instanceof HttpException)) return undefined;
  const body = error.getResponse();
  if (typeof body !== 'object' || 'statusCode' in body || 'message' in body) return undefined;
  return { body, status: error.getStatus() };
}
