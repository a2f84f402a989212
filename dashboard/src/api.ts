export type { Progress, Run, RunError, Worker as WorkerInfo } from '../../src/core/dashboard/api-shapes.js';

/** A tab that a module of the application brings: a list, and what to show of each item. */
export interface Tab {
  id: string;
  title: string;
  /** Below the path that the page's API has. */
  path: string;
  columns: Column[];
  /** What an item shows on a page of its own; absent: it has none. */
  item?: (ItemList | ItemChart)[];
}

export interface Column {
  key: string;
  title: string;
  kind: 'text' | 'state' | 'instant' | 'number' | 'bytes' | 'percent';
}

/** `:id` in the path stands for the item's. */
export interface ItemList {
  kind: 'list';
  title: string;
  path: string;
  /** Of the answer: where the list is. */
  field?: string;
  columns: Column[];
}

export interface ItemChart {
  kind: 'chart';
  title: string;
  path: string;
  unit: 'number' | 'bytes' | 'percent';
}

/** What a chart's path answers. */
export interface Series {
  series: { labels?: Record<string, string>; points: [instant: string, value: number | null][] }[];
}

/** The request was answered, and not with what was asked for. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** The API is beside the page. */
export function urlOf(path: string): URL {
  return new URL(`../${path}`, document.baseURI);
}

/** What whoever looks may do. */
export interface Rights {
  right: 'read' | 'write';
  read_only: boolean;
  until?: string;
}

/** Sends the token once; a cookie that scripts cannot read carries the session from then on. @throws ApiError */
export function login(token: string): Promise<Rights> {
  return post('dashboard/session', { token, path: urlOf('').pathname });
}

/** Asks the API, which is beside the page. @throws ApiError, TypeError when the server cannot be reached */
export async function ask<T>(path: string, init: RequestInit = {}): Promise<T> {
  const answer = await fetch(urlOf(path), init);
  const text = await answer.text();
  if (!answer.ok)
    throw new ApiError(answer.status, detailOf(text) ?? `${answer.status} ${answer.statusText}`);
  return (text ? JSON.parse(text) : undefined) as T;
}

export function post<T>(path: string, body: unknown = {}): Promise<T> {
  return ask(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** The items of a list, whether or not it comes in pages. */
export function itemsOf<T>(list: T[] | { items: T[] }): T[] {
  return Array.isArray(list) ? list : list.items;
}

/** What an answer says is wrong. */
export function detailOf(text: string): string | undefined {
  try {
    const { detail, message, title } = JSON.parse(text) as Record<string, unknown>;
    return [detail, message, title].find((part): part is string => typeof part === 'string');
  } catch {
    return undefined;
  }
}
