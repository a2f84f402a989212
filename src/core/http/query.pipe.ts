import { BadRequestException, type PipeTransform } from '@nestjs/common';
import { quoted } from '../text/visible.js';

/** Reads the text of a parameter, or throws an Error that says what to give instead. */
export type QueryParameter<T> = (text: string | undefined) => T;

type QueryOf<P> = { [K in keyof P]: P[K] extends QueryParameter<infer T> ? T : never };

const LONGEST = 1_000;

/**
 * Reads the query of a request by one reader per parameter: `@Query(new QueryPipe({ limit: limit(), type: text() }))`. A
 * parameter that is unknown, given twice or invalid is answered with a 400 that names it.
 */
export class QueryPipe<P extends Record<string, QueryParameter<unknown>>> implements PipeTransform<
  Record<string, unknown>,
  QueryOf<P>
> {
  constructor(private readonly parameters: P) {}

  transform(query: Record<string, unknown>): QueryOf<P> {
    const known = Object.keys(this.parameters);
    refuseUnknown(Object.keys(query), known);
    return Object.fromEntries(
      Object.entries(this.parameters).map(([name, read]) => [name, this.read(name, read, query[name])]),
    ) as QueryOf<P>;
  }

  private read(name: string, read: QueryParameter<unknown>, given: unknown): unknown {
    if (given !== undefined && typeof given !== 'string')
      throw new BadRequestException(`${name} is given more than once: give it once`);
    try {
      return read(given);
    } catch (error) {
      throw new BadRequestException(`${name}=${shown(given)} cannot be: ${(error as Error).message}`);
    }
  }
}

/** @throws BadRequestException that names the first unknown parameter, and the known ones */
export function refuseUnknown(given: readonly string[], known: readonly string[]): void {
  const unknown = given.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new BadRequestException(
    `There is no parameter ${shown(unknown)}${known.length ? `: there are ${known.join(', ')}` : ', as there are none'}`,
  );
}

/** A limit from 1 to 1000; `byDefault` when it is left out. */
export function limit(byDefault = 50): QueryParameter<number> {
  return (text) => {
    if (text === undefined) return byDefault;
    const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
    if (value >= 1 && value <= 1_000) return value;
    throw new Error('give a whole number from 1 to 1000');
  };
}

/** A text of at most 1,000 characters without NUL, which PostgreSQL refuses. */
export function text(): QueryParameter<string | undefined> {
  return (given) => {
    if (given === undefined || (given.length <= LONGEST && !given.includes('\0'))) return given;
    throw new Error(`give at most ${LONGEST} characters, none of them NUL`);
  };
}

export function oneOf<const T extends string>(...values: readonly T[]): QueryParameter<T | undefined> {
  return (given) => {
    if (given === undefined || values.includes(given as T)) return given as T | undefined;
    throw new Error(`give one of ${values.join(', ')}`);
  };
}

/** One or several of `values`, separated by commas. */
export function someOf<const T extends string>(
  ...values: readonly T[]
): QueryParameter<readonly T[] | undefined> {
  return (given) => {
    if (given === undefined) return undefined;
    const asked = given.split(',');
    if (asked.every((value) => values.includes(value as T))) return asked as T[];
    throw new Error(`give one or several of ${values.join(', ')}, separated by commas`);
  };
}

/** `true` or `false`; false when it is left out. */
export function flag(): QueryParameter<boolean> {
  return (given) => {
    if (given === undefined || given === 'false') return false;
    if (given === 'true') return true;
    throw new Error('give true or false');
  };
}

/** An ISO 8601 instant with a time zone. */
export function instant(): QueryParameter<Date | undefined> {
  return (given) => {
    if (given === undefined) return undefined;
    const date = new Date(given);
    if (/^\d{4}-\d\d-\d\dT.*(?:Z|[+-]\d\d:\d\d)$/.test(given) && !Number.isNaN(date.getTime())) return date;
    throw new Error('give an instant such as 2030-01-31T12:00:00Z');
  };
}

function shown(value: unknown): string {
  return quoted(value, 40);
}
