import { SetMetadata } from '@nestjs/common';

/**
 * How a value of a column is shown. `state` is a word, `instant` ISO 8601, `percent` 0 to 100, `duration` milliseconds,
 * `days` a number of days, negative when it has passed. `uptime` is a row of bars, oldest first, each the healthy share
 * from 0 to 1, or null. `sparkline` is a small chart of `[instant, value]` pairs.
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
  /**
   * Links to the page of an item of a tab, or of a run: `key` names the field with its `id`. Where the field is absent,
   * there is no link.
   */
  readonly link?:
    | { readonly tab: string; readonly key: string }
    | { readonly page: 'run'; readonly key: string }
    | undefined;
}

/** A filter of a list: a parameter of its request. */
export interface DashboardFilter {
  readonly name: string;
  readonly title: string;
  /** Values to choose from. Default: free text. */
  readonly values?: readonly string[] | undefined;
}

/** An action on an item of a list, which the reader has to confirm. The API decides whether it is allowed. */
export interface DashboardAction {
  readonly title: string;
  /** Path of the request, below the application's prefix; `:name` is replaced by that field of the item, such as `:id`. */
  readonly path: string;
  /** Default `POST`. */
  readonly method?: 'POST' | 'DELETE' | undefined;
  /**
   * Fields of the request's body. A value that begins with `:` is replaced by that field of the item, or left out if it
   * is absent.
   */
  readonly body?: Readonly<Record<string, string>> | undefined;
  /** The question that the reader confirms; `:name` at the start of a word is replaced by that field of the item. */
  readonly question: string;
  /** Items with the action: those whose field `key` has one of these values; null: the field is absent. Default: all. */
  readonly when?: { readonly key: string; readonly values: readonly (string | null)[] } | undefined;
}

/** A list that a GET request answers with: an array, or `{ items, next }`. */
export interface DashboardList {
  readonly columns: readonly DashboardColumn[];
  /** Text of an empty list. Default: "Nothing here yet." */
  readonly empty?: string | undefined;
  readonly filters?: readonly DashboardFilter[] | undefined;
  readonly actions?: readonly DashboardAction[] | undefined;
  /** Fields by which the items of a page are grouped under headings, the outermost first. */
  readonly groupBy?: readonly string[] | undefined;
  /** Parameter for `next` of the page before. Default `after`. */
  readonly pageBy?: 'after' | 'before' | undefined;
  /** Milliseconds between two requests of the page. Default 2,000. */
  readonly refresh?: number | undefined;
}

/** A list that belongs to a tab, or to one of its items. */
export interface DashboardItemList extends DashboardList {
  readonly kind: 'list';
  readonly title: string;
  /** Path of the GET request, below the application's prefix; `:id` is replaced by the item's `id`. */
  readonly path: string;
  /** Name of the answer's field with the list. Default: the answer is the list, or `{ items, next }`. */
  readonly field?: string | undefined;
}

/** Values over time that belong to a tab, or to one of its items. */
export interface DashboardItemChart {
  readonly kind: 'chart';
  readonly title: string;
  /** As for a list; the answer is `{ series: [{ labels, points: [[instant, value], …] }, …] }`. */
  readonly path: string;
  readonly unit: 'number' | 'bytes' | 'percent';
}

/** A tab of the dashboard: a list that a controller answers with, and the fields that are shown. */
export interface DashboardTabOptions extends DashboardList {
  /** Lower case, in the page's address. Unique. */
  readonly id: string;
  readonly title: string;
  /** A sentence on what it shows. */
  readonly description?: string | undefined;
  /** Path of the GET request, below the application's prefix. Default: the path of the controller. */
  readonly path?: string | undefined;
  /** Further parts of the tab: charts above its list, lists below. */
  readonly parts?: readonly (DashboardItemList | DashboardItemChart)[] | undefined;
  /** Parts of an item's own page. Default: items have no page. */
  readonly item?: readonly (DashboardItemList | DashboardItemChart)[] | undefined;
  /**
   * Path of the GET request for one item; `:id` is replaced by its `id`. Default: the item is taken from the first page.
   */
  readonly itemPath?: string | undefined;
}

export const DASHBOARD_TAB = 'ctrlplane-workers:dashboard-tab';

/**
 * On a controller whose path answers with a list (an array, or `{ items, next }`): the dashboard shows it as a tab of its
 * own. The page requests it with the reader's own token, so the controller decides who sees what.
 * @publicApi
 */
export function DashboardTab(options: DashboardTabOptions): ClassDecorator {
  return SetMetadata(DASHBOARD_TAB, options);
}
