import { Injectable } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { type ScheduleModuleOptions } from '@nestjs/schedule';
import { SCHEDULE_MODULE_OPTIONS, type ScheduleKind } from './schedule-metadata.js';

type ModuleRef = ModulesContainer extends Map<string, infer M> ? M : never;

/** The `ScheduleModule`s that are imported somewhere in the application, by a third party perhaps. */
@Injectable()
export class ForeignScheduleModules {
  constructor(private readonly modules: ModulesContainer) {}

  /** Names of the modules that import one which runs handlers of that kind, wherever these are. */
  runners(kind: ScheduleKind): string[] {
    const running = this.all().filter(([, options]) => options[kind] !== false);
    return running.map(([module]) => this.importer(module));
  }

  /** To be asked from `onModuleInit` on: before, options from a factory are not there. */
  private all(): [ModuleRef, ScheduleModuleOptions][] {
    return [...this.modules.values()].flatMap((module) => {
      const options = module.providers.get(SCHEDULE_MODULE_OPTIONS)?.instance as unknown;
      return options
        ? [[module, options as ScheduleModuleOptions] as [ModuleRef, ScheduleModuleOptions]]
        : [];
    });
  }

  private importer(module: ModuleRef): string {
    const importer = [...this.modules.values()].find((other) => ownImports(other).includes(module));
    return importer?.name ?? 'A module';
  }
}

/** Nest adds every global module to the imports of every module, after its own; first its core. */
function ownImports({ imports }: ModuleRef): ModuleRef[] {
  const all = [...imports];
  const added = all.findIndex(({ name }) => name === 'InternalCoreModule');
  return added < 0 ? all : all.slice(0, added);
}
