import { type ObjectLiteral, type SelectQueryBuilder } from 'typeorm';
import { count } from '../input/count.js';
import { parseInput, shown } from '../input/input.js';
import { InvalidInputError } from '../input/input.errors.js';
import { z } from 'zod';

/** Which part of a list is wanted. */
export interface PageQuery {
  /** Most items to return, 1 to 1000. Default 100. */
  limit?: number | undefined;
  /** `next` of the page before; absent for the first. */
  after?: string | undefined;
}

/** One part of a list. Nothing is left out silently: `next` is there exactly when more follows. */
export interface Page<T> {
  items: T[];
  /** Pass it as `after` to go on. Opaque. */
  next?: string;
}

/** What a list is ordered by: oldest first, and by id among those of one millisecond. */
export interface Position {
  readonly createdAt: Date;
  readonly id: string;
}

const CURSOR = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z),([a-z]{2,4}_[0-9a-z]{26})$/;

const limits = z.object({ limit: count(1, 1000).default(100) });

/**
 * The limit to use.
 * @throws InvalidInputError when it is not a whole number from 1 to 1000.
 */
export function pageLimit(limit: number | undefined): number {
  return parseInput('page', limits, { limit }).limit;
}

/**
 * Runs the query for one page, oldest first. The position is a key, not an offset: rows that come or go
 * between two pages neither repeat nor hide others. Columns are `created_at` (to the millisecond, so that a
 * JavaScript date names it exactly) and `id`.
 */
export async function findPage<E extends ObjectLiteral & Position>(
  rows: SelectQueryBuilder<E>,
  query: PageQuery,
): Promise<Page<E>> {
  const limit = pageLimit(query.limit);
  if (query.after !== undefined) {
    const { createdAt, id } = decodeCursor(query.after);
    rows.andWhere(`(${rows.alias}.created_at, ${rows.alias}.id) > (:createdAt, :id)`, { createdAt, id });
  }
  const found = await rows
    .orderBy(`${rows.alias}.createdAt`)
    .addOrderBy(`${rows.alias}.id`)
    .limit(limit + 1)
    .getMany();
  return pageOf(found, limit);
}

/**
 * The same for a query in SQL.
 * @param find gives the items behind the position, by `(created_at, id)`, at most this many
 */
export async function pageByKey<T extends Position>(
  query: PageQuery,
  find: (part: { limit: number; after?: Position }) => Promise<T[]>,
): Promise<Page<T>> {
  const limit = pageLimit(query.limit);
  return pageOf(await find({ limit: limit + 1, after: pageStart(query) }), limit);
}

/** The page with each item turned into something else. */
export function mapPage<T, U>({ items, next }: Page<T>, fn: (item: T) => U): Page<U> {
  return { items: items.map(fn), next };
}

/** Every item of a list, page by page. */
export async function* everyItem<T>(pageAfter: (after?: string) => Promise<Page<T>>): AsyncGenerator<T> {
  let after: string | undefined;
  do {
    const page = await pageAfter(after);
    yield* page.items;
    after = page.next;
  } while (after !== undefined);
}

/** Where a page begins, for a statement of one's own: after this row. @throws InvalidInputError */
export function pageStart({ after }: PageQuery): Position | undefined {
  return after === undefined ? undefined : decodeCursor(after);
}

/** The page of rows that a statement returned: it asked for one more than the limit, oldest first. */
export function pageOf<T extends Position>(rows: readonly T[], limit: number): Page<T> {
  return cutPage(rows, limit, encodeCursor);
}

/** The same in another order. @param cursorOf what `after` takes to go on behind that row */
export function cutPage<T>(rows: readonly T[], limit: number, cursorOf: (last: T) => string): Page<T> {
  const items = rows.slice(0, limit);
  return { items, next: rows.length > limit ? cursorOf(items[limit - 1]!) : undefined };
}

function encodeCursor({ createdAt, id }: Position): string {
  return `${createdAt.toISOString()},${id}`;
}

function decodeCursor(cursor: string): Position {
  const [, createdAt, id] = CURSOR.exec(cursor) ?? [];
  if (!createdAt || !id || Number.isNaN(Date.parse(createdAt))) {
    throw new InvalidInputError('page', [`after: ${shown(cursor)} is not the \`next\` of a page`]);
  }
  return { createdAt: new Date(createdAt), id };
}
