import { Get } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { ApiController } from '../http/api-controller.js';
import { Documented } from '../http/openapi.js';
import {
  DASHBOARD_TAB,
  type DashboardColumn,
  type DashboardItemChart,
  type DashboardItemList,
  type DashboardTabOptions,
} from '../http/dashboard-tab.js';

/** Under which Nest keeps the path of a controller; its own constant is not exported. */
const PATH_METADATA = 'path';

type ShownPart =
  (Omit<DashboardItemList, 'columns'> & { columns: Required<DashboardColumn>[] }) | DashboardItemChart;

/** A tab as the page needs it. */
export interface ShownTab {
  id: string;
  title: string;
  path: string;
  columns: Required<DashboardColumn>[];
  item?: ShownPart[];
}

/** Which tabs the application's controllers bring, in the order in which Nest knows them. */
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
    return this.discovery.getControllers().flatMap(({ metatype }) => {
      const tab =
        metatype && (Reflect.getMetadata(DASHBOARD_TAB, metatype) as DashboardTabOptions | undefined);
      if (!tab) return [];
      const [own] = [Reflect.getMetadata(PATH_METADATA, metatype) as string | string[]].flat();
      const { id, title, path = own!, columns, item } = tab;
      return [
        {
          id,
          title,
          path: relative(path),
          columns: withKinds(columns),
          ...(item && { item: item.map(shownPart) }),
        },
      ];
    });
  }
}

function shownPart(part: DashboardItemList | DashboardItemChart): ShownPart {
  const path = relative(part.path);
  return part.kind === 'list' ? { ...part, path, columns: withKinds(part.columns) } : { ...part, path };
}

const withKinds = (columns: readonly DashboardColumn[]): Required<DashboardColumn>[] =>
  columns.map(({ kind = 'text', ...column }) => ({ ...column, kind }));

const relative = (path: string): string => path.replace(/^\/+/, '');
