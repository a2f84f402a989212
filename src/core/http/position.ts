import { type QueryParameter } from './query.pipe.js';

/** Position of the last item of a page in a list that is ordered by instant, then id. */
export interface Position {
  readonly at: Date;
  /** UUID. */
  readonly id: string;
}

const PATTERN = /^(\d{1,15})_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** Reads the parameter `before`: the `next` of the page before. */
export function position(): QueryParameter<Position | undefined> {
  return (given) => {
    if (given === undefined) return undefined;
    const [, at, id] = PATTERN.exec(given) ?? [];
    if (at && id) return { at: new Date(Number(at)), id };
    throw new Error('give `next` of the page before');
  };
}

/** A page of a list, with `next` when it is full, as more may follow. */
export function pageOf<T, Shown>(
  items: readonly T[],
  limit: number,
  show: (item: T) => Shown,
  placeOf: (item: T) => Position,
): { items: Shown[]; next?: string } {
  const last = items.length === limit ? items.at(-1) : undefined;
  return { items: items.map(show), ...(last && { next: nextOf(placeOf(last)) }) };
}

/** The parameter `before` for what comes after this position. */
export function nextOf({ at, id }: Position): string {
  return `${at.getTime()}_${id}`;
}
