import { applyDecorators, ConfigurableModuleBuilder, type DynamicModule, type Type } from '@nestjs/common';
import { type HttpAccess } from '../http/access.js';
import { PATH_METADATA, pathOf } from '../http/controller-path.js';
import { LiveController } from './live/live.controller.js';
import { PageController } from './page/page.controller.js';
import { SessionController } from './session/session.controller.js';
import { ReplicasController } from './replicas.controller.js';
import { RunsController } from './runs.controller.js';
import { TabsController } from './tabs.controller.js';
import { WorkersController } from './workers.controller.js';

/** Access to the HTTP interface. Without a token, open reads or guards: nobody. */
export type WorkerDashboardOptions = HttpAccess;

/** Options that are needed before the others exist: beside them in `forRoot` and in `forRootAsync`. */
interface DashboardExtras {
  /**
   * Decorators for the controllers, including the page's: what a global guard of the application reads, such as
   * `Public()`; `SkipThrottle({ default: false })` and `CacheTTL(…)` to throttle and cache them after all.
   */
  decorators?: readonly ClassDecorator[] | undefined;
  /**
   * Prefix of all paths, after the application's global prefix: `admin` makes `/admin/workers`, `/admin/dashboard`.
   * Default: none.
   */
  path?: string | undefined;
}

const CONTROLLERS: Type[] = [
  WorkersController,
  RunsController,
  ReplicasController,
  LiveController,
  SessionController,
  TabsController,
  PageController,
];

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN: DASHBOARD_OPTIONS } =
  new ConfigurableModuleBuilder<WorkerDashboardOptions>({
    optionsInjectionToken: Symbol.for('ctrlplane-workers/dashboard-options'),
  })
    .setClassMethodName('forRoot')
    .setExtras<DashboardExtras>({ decorators: [], path: '' }, mounted)
    .build();

function mounted(definition: DynamicModule, { decorators = [], path = '' }: DashboardExtras): DynamicModule {
  const below = path.replace(/^\/+|\/+$/g, '');
  const mount = (controller: Type): Type => {
    // Only for this module: another application in the process may have other options.
    const own = { [controller.name]: class extends controller {} }[controller.name]!;
    applyDecorators(...decorators)(own);
    if (below) Reflect.defineMetadata(PATH_METADATA, `${below}/${pathOf(controller)}`, own);
    return own;
  };
  return { ...definition, controllers: decorators.length || below ? CONTROLLERS.map(mount) : CONTROLLERS };
}
