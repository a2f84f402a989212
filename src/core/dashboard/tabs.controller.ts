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
    // Other controllers are not below the path of this module, and the page asks beside itself.
    const above = '../'.repeat(pathOf(this.constructor).split('/').length - 2);
    return this.discovery.getControllers().flatMap(({ metatype }) => {
      const tab =
        metatype && (Reflect.getMetadata(DASHBOARD_TAB, metatype) as DashboardTabOptions | undefined);
      if (!tab) return [];
      const { id, title, path = pathOf(metatype), columns, item } = tab;
      return [
        {
          id,
          title,
          path: above + relative(path),
          columns: withKinds(columns),
          ...(item && { item: item.map((part) => shownPart(part, above)) }),
        },
      ];
    });
  }
}

function shownPart(part: DashboardItemList | DashboardItemChart, above: string): ShownPart {
  const path = above + relative(part.path);
  return part.kind === 'list' ? { ...part, path, columns: withKinds(part.columns) } : { ...part, path };
}

const withKinds = (columns: readonly DashboardColumn[]): Required<DashboardColumn>[] =>
  columns.map(({ kind = 'text', ...column }) => ({ ...column, kind }));

const relative = (path: string): string => path.replace(/^\/+/, '');

/** The first of them, where a controller has several. */
function pathOf(controller: object): string {
  const [path] = [Reflect.getMetadata(PATH_METADATA, controller) as string | string[]].flat();
  return path!;
}
