import { type Type } from '@nestjs/common';
import { MODULE_METADATA } from '@nestjs/common/constants.js';
import { ScheduleModule } from '@nestjs/schedule';

/**
 * Provided for the `SchedulerOrchestrator` of `@nestjs/schedule`, unless a test overrides it to disable jobs. A
 * symbol, as Nest's `instrument`, which NestJS Observe uses, wraps every provided object in a proxy.
 */
export const NOT_OVERRIDDEN = Symbol('not overridden');

/** The class that mounts cron jobs. The package does not export it; tests import it from its files. */
export const ORCHESTRATOR: Type | symbol = orchestratorOf(ScheduleModule) ?? Symbol('SchedulerOrchestrator');

function orchestratorOf(module: object): Type | undefined {
  const providers = (Reflect.getMetadata(MODULE_METADATA.PROVIDERS, module) ?? []) as Partial<Type>[];
  return providers.find(({ prototype }) => prototype && 'mountCron' in prototype) as Type | undefined;
}
