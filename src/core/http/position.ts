import { type QueryParameter } from './query.pipe.js';

/** The place in a list of what is the last of a page: those of one instant are in the order of their ids. */
export interface Position {
  readonly at: Date;
  /** UUID. */
  readonly id: string;
}

const PATTERN = /^(\d{1,15})_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** `before` of a request: the `next` that the page before came with. */
export function position(): QueryParameter<Position | undefined> {
  return (given) => {
    if (given === undefined) return undefined;
    const [, at, id] = PATTERN.exec(given) ?? [];
    if (at && id) return { at: new Date(Number(at)), id };
    throw new Error('give `next` of the page before');
  };
}

/** A page of a list: `next` where it is full, as more may follow. */
export function pageOf<T, Shown>(
  items: readonly T[],
  limit: number,
  show: (item: T) => Shown,
  placeOf: (item: T) => Position,
): { items: Shown[]; next?: string } {
  const last = items.length === limit ? items.at(-1) : undefined;
  const next = last && placeOf(last);
  return { items: items.map(show), ...(next && { next: `${next.at.getTime()}_${next.id}` }) };
}
