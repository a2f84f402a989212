import { Get } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { ApiController } from '../http/api-controller.js';
import { pathOf } from '../http/controller-path.js';
import { Documented } from '../http/openapi.js';
import {
  DASHBOARD_TAB,
  type DashboardAction,
  type DashboardColumn,
  type DashboardItemChart,
  type DashboardItemList,
  type DashboardList,
  type DashboardTabOptions,
} from '../http/dashboard-tab.js';

type ShownColumn = DashboardColumn & { kind: NonNullable<DashboardColumn['kind']> };
type ShownList<L extends DashboardList> = Omit<L, 'columns'> & { columns: ShownColumn[] };
type ShownPart = ShownList<DashboardItemList> | DashboardItemChart;

/** A tab for the page. */
export type ShownTab = Omit<ShownList<DashboardTabOptions>, 'path' | 'parts' | 'item'> & {
  path: string;
  parts?: ShownPart[];
  item?: ShownPart[];
};

/** The tabs of the application's controllers, in Nest's order of controllers. */
@ApiController('dashboard/tabs')
export class TabsController {
  constructor(private readonly discovery: DiscoveryService) {}

  @Get()
  @Documented({
    summary: 'Tabs of the page beside those of workers and runs',
    answer: {
      description: 'What each asks for and shows',
      schema: { type: 'array', items: { type: 'object' } },
    },
  })
  list(): ShownTab[] {
    // Other controllers are not below the path of this module, and the page's requests are relative to its own path.
    const above = '../'.repeat(pathOf(this.constructor).split('/').length - 2);
    return this.discovery.getControllers().flatMap(({ metatype }) => {
      const tab =
        metatype && (Reflect.getMetadata(DASHBOARD_TAB, metatype) as DashboardTabOptions | undefined);
      if (!tab) return [];
      const { path = pathOf(metatype), parts, item, itemPath, ...list } = tab;
      return [
        {
          ...shownList(list, above),
          path: above + relative(path),
          ...(parts && { parts: parts.map((part) => shownPart(part, above)) }),
          ...(item && { item: item.map((part) => shownPart(part, above)) }),
          ...(itemPath !== undefined && { itemPath: above + relative(itemPath) }),
        },
      ];
    });
  }
}

function shownPart(part: DashboardItemList | DashboardItemChart, above: string): ShownPart {
  const path = above + relative(part.path);
  return part.kind === 'list' ? { ...shownList(part, above), path } : { ...part, path };
}

function shownList<L extends DashboardList>(
  { columns, actions, ...list }: L,
  above: string,
): Omit<L, 'columns' | 'actions'> & { columns: ShownColumn[]; actions?: DashboardAction[] } {
  return {
    ...list,
    columns: columns.map(({ kind = 'text', ...column }) => ({ ...column, kind })),
    ...(actions && {
      actions: actions.map((action) => ({ ...action, path: above + relative(action.path) })),
    }),
  };
}

const relative = (path: string): string => path.replace(/^\/+/, '');
