import { SetMetadata } from '@nestjs/common';

/**
 * How a value of a column is shown. `state` is a word, `instant` ISO 8601, `percent` 0 to 100, `duration` milliseconds,
 * `days` a number of them, below 0 when it is over. `uptime` is a row of bars, oldest first: of each the part that was well,
 * 0 to 1, or null. `sparkline` is a small chart of `[instant, value]` pairs.
 */
export type DashboardColumnKind =
  | 'text'
  | 'state'
  | 'instant'
  | 'number'
  | 'bytes'
  | 'percent'
  | 'duration'
  | 'days'
  | 'uptime'
  | 'sparkline';

export interface DashboardColumn {
  /** Name of the field in the answer; dots lead into nested values: `endpoints.0.port`. */
  readonly key: string;
  readonly title: string;
  /** Default `text`. */
  readonly kind?: DashboardColumnKind | undefined;
  /** Leads to the page of an item of a tab: `key` names the field that holds its `id`. */
  readonly link?: { readonly tab: string; readonly key: string } | undefined;
}

/** What the reader may narrow a list by: a parameter of its request. */
export interface DashboardFilter {
  readonly name: string;
  readonly title: string;
  /** What may be chosen. Default: a text that the reader types. */
  readonly values?: readonly string[] | undefined;
}

/** What the reader can do with an item of a list, once they have confirmed it. The API decides whether they may. */
export interface DashboardAction {
  readonly title: string;
  /** Path of the request, below the application's prefix; `:name` is replaced by that field of the item, such as `:id`. */
  readonly path: string;
  /** Default `POST`. */
  readonly method?: 'POST' | 'DELETE' | undefined;
  /** Texts that are sent; one that begins with `:` stands for a field of the item, and is left out where there is none. */
  readonly body?: Readonly<Record<string, string>> | undefined;
  /** What the reader is asked before; `:name` at the beginning of a word is replaced by that field of the item. */
  readonly question: string;
  /** For which items: those of which the field has one of these values; null stands for none. Default: all. */
  readonly when?: { readonly key: string; readonly values: readonly (string | null)[] } | undefined;
}

/** A list that a GET request answers with: an array, or `{ items, next }`. */
export interface DashboardList {
  readonly columns: readonly DashboardColumn[];
  /** Text in the place of an empty list. Default: "Nothing here yet." */
  readonly empty?: string | undefined;
  readonly filters?: readonly DashboardFilter[] | undefined;
  readonly actions?: readonly DashboardAction[] | undefined;
  /** Fields by which the items of a page are put together under headings, the outermost first. */
  readonly groupBy?: readonly string[] | undefined;
  /** Parameter that takes `next` of the page before. Default `after`. */
  readonly pageBy?: 'after' | 'before' | undefined;
  /** Milliseconds after which the page asks again. Default 2,000. */
  readonly refresh?: number | undefined;
}

/** A list that belongs to a tab, or to one of its items. */
export interface DashboardItemList extends DashboardList {
  readonly kind: 'list';
  readonly title: string;
  /** Path of the GET request, below the application's prefix; `:id` is replaced by the item's `id`. */
  readonly path: string;
  /** Name of the field of the answer that holds the list. Default: the answer is one, or `{ items, next }`. */
  readonly field?: string | undefined;
}

/** Values over time that belong to a tab, or to one of its items. */
export interface DashboardItemChart {
  readonly kind: 'chart';
  readonly title: string;
  /** As of a list; the answer is `{ series: [{ labels, points: [[instant, value], …] }, …] }`. */
  readonly path: string;
  readonly unit: 'number' | 'bytes' | 'percent';
}

/** A tab of the dashboard's page: a list that a controller answers with, and which of its fields are shown. */
export interface DashboardTabOptions extends DashboardList {
  /** Lower case, in the page's address. Unique. */
  readonly id: string;
  readonly title: string;
  /** A sentence on what it shows. */
  readonly description?: string | undefined;
  /** Path of the GET request, below the application's prefix. Default: the path of the controller. */
  readonly path?: string | undefined;
  /** What the tab shows besides: charts above its list, lists below. */
  readonly parts?: readonly (DashboardItemList | DashboardItemChart)[] | undefined;
  /** What an item shows besides, on a page of its own. Default: items have no page. */
  readonly item?: readonly (DashboardItemList | DashboardItemChart)[] | undefined;
  /** Path of the GET request for one item; `:id` is replaced by its `id`. Default: it is looked for on the first page. */
  readonly itemPath?: string | undefined;
}

export const DASHBOARD_TAB = 'ctrlplane-workers:dashboard-tab';

/**
 * On a controller whose path answers with a list (an array, or `{ items, next }`): the dashboard shows it as a tab of its
 * own. The page asks with the reader's own token, so the controller decides who sees what.
 * @publicApi
 */
export function DashboardTab(options: DashboardTabOptions): ClassDecorator {
  return SetMetadata(DASHBOARD_TAB, options);
}
