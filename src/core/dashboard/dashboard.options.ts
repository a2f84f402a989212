import { ConfigurableModuleBuilder } from '@nestjs/common';
import { type HttpAccess } from '../http/access.js';

/** Who may use the HTTP interface. Without a token and without open reads, nobody. */
export type WorkerDashboardOptions = HttpAccess;

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN: DASHBOARD_OPTIONS } =
  new ConfigurableModuleBuilder<WorkerDashboardOptions>({
    optionsInjectionToken: Symbol.for('ctrlplane-workers/dashboard-options'),
  })
    .setClassMethodName('forRoot')
    .build();
