import { ConfigurableModuleBuilder } from '@nestjs/common';
import { checkingOptions } from './checked-module-options.js';
import { type WorkerModuleOptions } from './worker-module.options.js';
import { WORKER_OPTIONS } from './worker/module-options.token.js';

export const { ConfigurableModuleClass, OPTIONS_TYPE } = new ConfigurableModuleBuilder<WorkerModuleOptions>({
  optionsInjectionToken: WORKER_OPTIONS,
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createWorkerOptions')
  .setExtras({ isGlobal: true }, (definition, { isGlobal }) => ({
    ...definition,
    global: isGlobal,
    providers: (definition.providers ?? []).map(checkingOptions),
  }))
  .build();
