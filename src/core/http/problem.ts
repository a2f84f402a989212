import { HttpException, HttpStatus } from '@nestjs/common';
import { STATUS_CODES } from 'node:http';
import { databaseFault } from './database-fault.js';

/** The body of an error answer, `application/problem+json` (RFC 9457). */
export interface Problem {
  /** There are no further types: the status says what kind of error it is. */
  type: 'about:blank';
  /** The name of the status, such as `Not Found`. */
  title: string;
  status: number;
  /** What is wrong, and the fix; absent when the reason is for the log only. */
  detail?: string;
  /** One entry per fault, when the input has several. */
  errors?: { detail: string }[];
}

/**
 * An error class of a module sets its HTTP status by a static number, so that neither the class depends on HTTP nor this
 * file on the class. Its message is then shown to the client.
 *
 *     class UnknownTenantError extends Error {
 *       static readonly httpStatus = 404;
 *     }
 */
export interface ErrorWithStatus {
  readonly httpStatus: number;
}

const LONGEST_DETAIL = 2_000;
const MOST_FAULTS = 20;

/** The problem details for an error. An error that is not known to be for the client becomes a 500 without detail. */
export function problemOf(error: unknown): Problem {
  if (error instanceof HttpException) return problem(error.getStatus(), ...wordsOf(error));
  const status = statusOf(error);
  if (status !== undefined) return problem(status, ownMessageOf(error), faultsOf(error));
  const fault = databaseFault(error);
  return fault ? problem(fault.status, fault.detail) : problem(HttpStatus.INTERNAL_SERVER_ERROR);
}

function problem(status: number, detail?: string, faults: readonly string[] = []): Problem {
  return {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? `Status ${status}`,
    status,
    ...(detail !== undefined && { detail: cut(detail) }),
    ...(faults.length > 0 && {
      errors: faults.slice(0, MOST_FAULTS).map((fault) => ({ detail: cut(fault) })),
    }),
  };
}

/**
 * The status by the error's class; else its `statusCode`, as parsers of request bodies set it (a body too large, or no
 * JSON).
 */
function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { httpStatus } = error.constructor as Partial<ErrorWithStatus>;
  if (isFault(httpStatus)) return httpStatus;
  const { statusCode } = error as { statusCode?: unknown };
  if (isFault(statusCode) && statusCode < 500) return statusCode;
  return error instanceof URIError ? HttpStatus.BAD_REQUEST : undefined;
}

function isFault(status: unknown): status is number {
  return typeof status === 'number' && status >= 400 && status <= 599;
}

/** Detail and faults of an exception. Nest's pipes set a list as its message. */
function wordsOf(error: HttpException): [detail: string, faults: readonly string[]] {
  const body = error.getResponse();
  const message = typeof body === 'object' ? (body as { message?: unknown }).message : body;
  if (Array.isArray(message)) return [message.map(String).join('; '), message.map(String)];
  return [typeof message === 'string' ? message : error.message, []];
}

/** The message without its causes, which are for the log only. */
function ownMessageOf(error: unknown): string {
  const { message, type, body } = error as { message?: unknown; type?: unknown; body?: unknown };
  // Express's parser calls such a body no JSON.
  if (type === 'entity.parse.failed' && isJson(body))
    return 'The application reads only an object or an array: send one, or let it read any JSON by app.useBodyParser("json", { strict: false })';
  return String(message);
}

function isJson(text: unknown): boolean {
  try {
    return typeof text === 'string' && JSON.parse(text) !== undefined;
  } catch {
    return false;
  }
}

function faultsOf(error: unknown): readonly string[] {
  const { faults } = error as { faults?: unknown };
  return Array.isArray(faults) ? faults.map(String) : [];
}

function cut(text: string): string {
  return text.length > LONGEST_DETAIL ? `${text.slice(0, LONGEST_DETAIL - 1)}…` : text;
}
