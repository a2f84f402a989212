import { Injectable } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { type ScheduleModuleOptions } from '@nestjs/schedule';
import { SCHEDULE_MODULE_OPTIONS, type ScheduleKind } from './schedule-metadata.js';

type ModuleRef = ModulesContainer extends Map<string, infer M> ? M : never;

/** The `ScheduleModule`s that are imported anywhere in the application, also by third-party modules. */
@Injectable()
export class ForeignScheduleModules {
  constructor(private readonly modules: ModulesContainer) {}

  /** Names of the modules that import a `ScheduleModule` which runs handlers of that kind. */
  runners(kind: ScheduleKind): string[] {
    const running = this.all().filter(([, options]) => options[kind] !== false);
    return running.map(([module]) => this.importer(module));
  }

  /** Complete from `onModuleInit` on: options from a factory do not exist before. */
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

/** The imports that the module declares. Nest appends all global modules to them, its core module first. */
function ownImports({ imports }: ModuleRef): ModuleRef[] {
  const all = [...imports];
  const added = all.findIndex(({ name }) => name === 'InternalCoreModule');
  return added < 0 ? all : all.slice(0, added);
}
