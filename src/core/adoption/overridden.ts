import { type Type } from '@nestjs/common';
import { MODULE_METADATA } from '@nestjs/common/constants.js';
import { ScheduleModule } from '@nestjs/schedule';

/**
 * What is provided for the `SchedulerOrchestrator` of `@nestjs/schedule`. A test that keeps jobs off overrides it.
 * No object: Nest's `instrument`, which NestJS Observe brings, puts proxies around all that are provided.
 */
export const NOT_OVERRIDDEN = Symbol('not overridden');

/** The package does not export the class, which tests import from its files: it is the one that mounts cron jobs. */
export const ORCHESTRATOR: Type | symbol = orchestratorOf(ScheduleModule) ?? Symbol('SchedulerOrchestrator');

function orchestratorOf(module: object): Type | undefined {
  const providers = (Reflect.getMetadata(MODULE_METADATA.PROVIDERS, module) ?? []) as Partial<Type>[];
  return providers.find(({ prototype }) => prototype && 'mountCron' in prototype) as Type | undefined;
}
