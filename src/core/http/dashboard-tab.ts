import { SetMetadata } from '@nestjs/common';

/** How a value of a column is shown. `state` is a word, `instant` ISO 8601, `percent` 0 to 100. */
export type DashboardColumnKind = 'text' | 'state' | 'instant' | 'number' | 'bytes' | 'percent';

export interface DashboardColumn {
  /** Name of the field in the answer; dots lead into nested values: `endpoints.0.port`. */
  readonly key: string;
  readonly title: string;
  /** Default `text`. */
  readonly kind?: DashboardColumnKind | undefined;
}

/** A list that belongs to one item of a tab. */
export interface DashboardItemList {
  readonly kind: 'list';
  readonly title: string;
  /** Path of the GET request, below the application's prefix; `:id` is replaced by the item's `id`. */
  readonly path: string;
  /** Name of the field of the answer that holds the list. Default: the answer is one, or `{ items, next }`. */
  readonly field?: string | undefined;
  readonly columns: readonly DashboardColumn[];
}

/** Values over time that belong to one item of a tab. */
export interface DashboardItemChart {
  readonly kind: 'chart';
  readonly title: string;
  /** As of a list; the answer is `{ series: [{ labels, points: [[instant, value], …] }, …] }`. */
  readonly path: string;
  readonly unit: 'number' | 'bytes' | 'percent';
}

/** A tab of the dashboard's page: a list that a controller answers with, and which of its fields are shown. */
export interface DashboardTabOptions {
  /** Lower case, in the page's address. Unique. */
  readonly id: string;
  readonly title: string;
  readonly columns: readonly DashboardColumn[];
  /** Path of the GET request, below the application's prefix. Default: the path of the controller. */
  readonly path?: string | undefined;
  /** What an item shows besides, on a page of its own. Default: items have no page. */
  readonly item?: readonly (DashboardItemList | DashboardItemChart)[] | undefined;
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
