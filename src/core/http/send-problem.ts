import { Logger } from '@nestjs/common';
import { type AbstractHttpAdapter } from '@nestjs/core';
import { problemOf } from './problem.js';

const logger = new Logger('Http');

/** An error whose answer has headers of its own. */
interface WithHeaders {
  /** Seconds. */
  readonly retryAfter?: number;
  /** Methods. */
  readonly allow?: string;
}

/** Answers with the problem details for an error. What is not for the client is logged. */
export function sendProblem(adapter: AbstractHttpAdapter, response: unknown, error: unknown): void {
  const problem = problemOf(error);
  if (problem.status === 500) logger.error(error);
  const { retryAfter, allow } = (error ?? {}) as WithHeaders;
  if (problem.status === 401) adapter.setHeader(response, 'WWW-Authenticate', 'Bearer');
  if (problem.status === 429 && retryAfter !== undefined)
    adapter.setHeader(response, 'Retry-After', String(retryAfter));
  if (problem.status === 405 && allow !== undefined) adapter.setHeader(response, 'Allow', allow);
  adapter.setHeader(response, 'Content-Type', 'application/problem+json; charset=utf-8');
  adapter.reply(response, JSON.stringify(problem), problem.status);
}
