import { applyDecorators, ConfigurableModuleBuilder, type DynamicModule, type Type } from '@nestjs/common';
import { type HttpAccess } from '../http/access.js';
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
    .setExtras<DashboardExtras>({ decorators: [] }, withDecorators)
    .build();

function withDecorators(definition: DynamicModule, { decorators = [] }: DashboardExtras): DynamicModule {
  const decorate = (controller: Type): Type => {
    // Of this module alone: another application of the process may want others.
    const own = { [controller.name]: class extends controller {} }[controller.name]!;
    applyDecorators(...decorators)(own);
    return own;
  };
  return { ...definition, controllers: decorators.length ? CONTROLLERS.map(decorate) : CONTROLLERS };
}
