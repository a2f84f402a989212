import { HttpException, HttpStatus } from '@nestjs/common';
import { STATUS_CODES } from 'node:http';
import { databaseFault } from './database-fault.js';

/** The body of an answer that reports a fault, `application/problem+json` (RFC 9457). */
export interface Problem {
  /** No type of its own: the status says what kind it is. */
  type: 'about:blank';
  /** The words of the status, such as `Not Found`. */
  title: string;
  status: number;
  /** What is wrong here and how to mend it; absent where the reason is for the log alone. */
  detail?: string;
  /** One entry per fault where the input had several. */
  errors?: { detail: string }[];
}

/**
 * How an error of a module tells its status: a static number of its class, so that neither the class needs to know
 * HTTP nor this file the class. The error's message is shown then.
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

/** The problem that the error is for whoever asked. Whatever is not known to be their business is a bare 500. */
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

/** By its class; else by itself, as the parsers of request bodies do (a body that is too large or no JSON). */
function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if (error instanceof URIError) return HttpStatus.BAD_REQUEST;
  const { httpStatus } = error.constructor as Partial<ErrorWithStatus>;
  if (isFault(httpStatus)) return httpStatus;
  const { statusCode } = error as { statusCode?: unknown };
  return isFault(statusCode) && statusCode < 500 ? statusCode : undefined;
}

function isFault(status: unknown): status is number {
  return typeof status === 'number' && status >= 400 && status <= 599;
}

/** Nest's pipes put a list in the place of the message. */
function wordsOf(error: HttpException): [detail: string, faults: readonly string[]] {
  const body = error.getResponse();
  const message = typeof body === 'object' ? (body as { message?: unknown }).message : body;
  if (Array.isArray(message)) return [message.map(String).join('; '), message.map(String)];
  return [typeof message === 'string' ? message : error.message, []];
}

/** Without its causes, which are for the log alone. */
function ownMessageOf(error: unknown): string {
  return String((error as { message?: unknown }).message);
}

function faultsOf(error: unknown): readonly string[] {
  const { faults } = error as { faults?: unknown };
  return Array.isArray(faults) ? faults.map(String) : [];
}

function cut(text: string): string {
  return text.length > LONGEST_DETAIL ? `${text.slice(0, LONGEST_DETAIL - 1)}…` : text;
}
