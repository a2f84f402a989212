import { ConfigurableModuleBuilder } from '@nestjs/common';
import { type RunStore } from './history/run.store.js';
import { type DrainOptions } from './scheduler/drain.js';

/** Options of `WorkerModule.forRoot`. All may be left out. */
export interface WorkerModuleOptions {
  /** Where runs are kept. Default: in memory, the last 100 of each worker. */
  history?: RunStore;
  /** How long a shutdown waits for runs. */
  drain?: DrainOptions;
}

export const {
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN: WORKER_OPTIONS,
  OPTIONS_TYPE,
} = new ConfigurableModuleBuilder<WorkerModuleOptions>({
  optionsInjectionToken: Symbol.for('ctrlplane-workers/options'),
})
  .setClassMethodName('forRoot')
  .setExtras({ isGlobal: true }, (definition, { isGlobal }) => ({ ...definition, global: isGlobal }))
  .build();
