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

/** A tab of the dashboard's page: a list that a controller answers with, and which of its fields are shown. */
export interface DashboardTabOptions {
  /** Lower case, in the page's address. Unique. */
  readonly id: string;
  readonly title: string;
  readonly columns: readonly DashboardColumn[];
  /** What is asked, with GET, below the application's prefix. Default: the path of the controller. */
  readonly path?: string | undefined;
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
