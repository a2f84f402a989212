import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { sendProblem } from './send-problem.js';
import { answerUnhandled } from './unhandled-requests.js';

/**
 * Answers every error of a controller with problem details (RFC 9457). For one controller by `@UseFilters`, for an
 * application by `app.useGlobalFilters(new ProblemDetailsFilter(app.get(HttpAdapterHost)))`, which also covers errors
 * outside controllers: bodies that cannot be parsed, unknown routes.
 */
@Catch()
export class ProblemDetailsFilter implements ExceptionFilter {
  constructor(private readonly host: HttpAdapterHost) {
    answerUnhandled(host);
  }

  catch(error: unknown, context: ArgumentsHost): void {
    if (context.getType() !== 'http') throw error;
    const { httpAdapter } = this.host;
    const response: unknown = context.switchToHttp().getResponse();
    if (httpAdapter.isHeadersSent(response)) return httpAdapter.end(response);
    const own = ownBody(error);
    if (own) return httpAdapter.reply(response, own.body, own.status);
    sendProblem(httpAdapter, response, error);
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
