export type {
  Progress,
  Replica,
  Run,
  RunError,
  Worker as WorkerInfo,
} from '../../src/core/dashboard/api-shapes.js';

import {
  type DashboardAction,
  type DashboardColumn,
  type DashboardItemChart,
  type DashboardItemList,
  type DashboardList,
} from '../../src/core/http/dashboard-tab.js';

export type ItemAction = DashboardAction;
export type ItemChart = DashboardItemChart;
export type Column = DashboardColumn & { kind: NonNullable<DashboardColumn['kind']> };
/** What to show of a list. */
export type List = Omit<DashboardList, 'columns'> & { columns: Column[] };
export type ItemList = Omit<DashboardItemList, 'columns'> & { columns: Column[] };

/** A tab that a module of the application brings: a list, and what to show of each item. Paths are beside the API. */
export interface Tab extends List {
  id: string;
  title: string;
  description?: string;
  path: string;
  parts?: (ItemList | ItemChart)[];
  /** What an item shows on a page of its own; absent: it has none. */
  item?: (ItemList | ItemChart)[];
  itemPath?: string;
}

/** What a chart's path answers. */
export interface Series {
  /** Length of a window; windows without points may be left out. */
  step_seconds?: number;
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
  /** Nobody can change anything. */
  read_only: boolean;
  /** When the session of this browser ends; absent: there is none. */
  until?: string;
}

/** Of the window, when a session has begun. */
export const SESSION_BEGUN = 'session-begun';

/** Sends the token once; a cookie that scripts cannot read carries the session from then on. @throws ApiError */
export async function login(token: string): Promise<void> {
  await post('dashboard/session', { token, path: urlOf('').pathname });
  dispatchEvent(new Event(SESSION_BEGUN));
}

/** Ends the session of this browser. @throws ApiError */
export function logout(): Promise<void> {
  const path = new URLSearchParams({ path: urlOf('').pathname });
  return ask(`dashboard/session?${path}`, { method: 'DELETE' });
}

/** Asks the API, which is beside the page. @throws ApiError, TypeError when the server cannot be reached */
export async function ask<T>(path: string, init: RequestInit = {}): Promise<T> {
  const answer = await fetch(urlOf(path), init);
  const text = await answer.text();
  if (!answer.ok)
    throw new ApiError(answer.status, detailOf(text) ?? `${answer.status} ${answer.statusText}`);
  return (text ? JSON.parse(text) : undefined) as T;
}

/** @param body sent as JSON; undefined: nothing is */
export function post<T>(path: string, body?: unknown, method = 'POST'): Promise<T> {
  return ask(path, {
    method,
    ...(body !== undefined && {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
  });
}

export function withQuery(path: string, parameters: Record<string, string>): string {
  const query = new URLSearchParams(parameters).toString();
  return query ? `${path}${path.includes('?') ? '&' : '?'}${query}` : path;
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
