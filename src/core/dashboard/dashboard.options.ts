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

/** Who may use the HTTP interface. Without a token, open reads and guards, nobody. */
export type WorkerDashboardOptions = HttpAccess;

/** What is known before the options are: beside them in `forRoot` and in `forRootAsync`. */
interface DashboardExtras {
  /**
   * For the controllers, the page's too: what a global guard of the application looks for, such as `Public()`, or
   * `SkipThrottle({ default: false })` and `CacheTTL(…)` for those that are to be throttled and cached after all.
   */
  decorators?: readonly ClassDecorator[] | undefined;
  /**
   * Below which everything is mounted: `admin` makes it `/admin/workers`, `/admin/dashboard`. Beside the application's global prefix.
   * Default: nothing.
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
    // Of this module alone: another application of the process may want others.
    const own = { [controller.name]: class extends controller {} }[controller.name]!;
    applyDecorators(...decorators)(own);
    if (below) Reflect.defineMetadata(PATH_METADATA, `${below}/${pathOf(controller)}`, own);
    return own;
  };
  return { ...definition, controllers: decorators.length || below ? CONTROLLERS.map(mount) : CONTROLLERS };
}
