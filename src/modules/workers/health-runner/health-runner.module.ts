import { type DynamicModule, type InjectionToken, Module, type ModuleMetadata } from '@nestjs/common';
import { AuthModule } from '../../auth/auth.module.js';
import { HealthModule } from '../../health-checks/health.module.js';
import { type HealthOptions } from '../../health-checks/health-module.options.js';
import { HealthHistoryWorker } from './health-history.worker.js';
import {
  HEALTH_RUNNER_OPTIONS,
  type HealthRunnerOptions,
  healthRunnerSettings,
} from './health-runner.options.js';
import { HealthRunner } from './health-runner.worker.js';
import { OwnChecks } from './own-checks.js';

export interface HealthRunnerModuleAsyncOptions
  extends
    Pick<ModuleMetadata, 'imports'>,
    Pick<HealthOptions, 'store' | 'instances' | 'egress' | 'nameServers' | 'history'> {
  inject?: InjectionToken[] | undefined;
  useFactory: (
    ...injected: never[]
  ) =>
    Omit<HealthRunnerOptions, keyof HealthOptions> | Promise<Omit<HealthRunnerOptions, keyof HealthOptions>>;
}

/**
 * The worker `health_runner`, with the `HealthService` and its stores. Needs `WorkerModule` to run it, and the
 * `DatabaseModule` unless `store` is `memory`.
 *
 * @publicApi
 * @example
 * HealthRunnerModule.forRoot({
 *   store: 'memory',
 *   checks: [{ name: 'shop', interval: '30s', probe: { type: 'http', url: 'https://shop.example.com/health' } }],
 * })
 */
@Module({})
export class HealthRunnerModule {
  /** @throws InvalidInputError that names every option that cannot be */
  static forRoot(options: HealthRunnerOptions = {}): DynamicModule {
    healthRunnerSettings(options);
    return this.with(options, { useValue: options });
  }

  /** What decides which stores there are is given here; the rest may come from elsewhere. */
  static forRootAsync({
    imports,
    inject = [],
    useFactory,
    ...options
  }: HealthRunnerModuleAsyncOptions): DynamicModule {
    return this.with(options, { inject, useFactory: useFactory as never }, imports);
  }

  private static with(
    options: HealthOptions,
    provider: { useValue: unknown } | { inject: InjectionToken[]; useFactory: never },
    imports: ModuleMetadata['imports'] = [],
  ): DynamicModule {
    return {
      module: HealthRunnerModule,
      imports: [...imports, AuthModule, HealthModule.forRoot(options)],
      providers: [
        { provide: HEALTH_RUNNER_OPTIONS, ...provider },
        HealthRunner,
        HealthHistoryWorker,
        OwnChecks,
      ],
      exports: [HealthRunner],
    };
  }
}
