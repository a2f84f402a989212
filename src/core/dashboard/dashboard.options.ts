import { ConfigurableModuleBuilder } from '@nestjs/common';

/** Who may use the HTTP interface. Without a token and without open reads, nobody. */
export interface WorkerDashboardOptions {
  /** Bearer token that may do everything. */
  token?: string;
  /** Let anybody read. Only where nobody but you can reach the port. Default false. */
  openReads?: boolean;
}

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN: DASHBOARD_OPTIONS } =
  new ConfigurableModuleBuilder<WorkerDashboardOptions>({
    optionsInjectionToken: Symbol.for('ctrlplane-workers/dashboard-options'),
  })
    .setClassMethodName('forRoot')
    .build();
