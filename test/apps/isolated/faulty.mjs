// Modules with which an application with isolated workers cannot start, each by its own fault, and one with which it can.
import 'reflect-metadata';
import { Inject, Injectable, Module } from '@nestjs/common';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import { isMainThread } from 'node:worker_threads';
import { Interval, WorkerModule } from 'ctrlplane-workers';

const inChild = !isMainThread;

export class Works {
  run() {}
}
Interval('works', 0, { isolate: 'thread' })(
  Works.prototype,
  'run',
  Object.getOwnPropertyDescriptor(Works.prototype, 'run'),
);
Injectable()(Works);

export class WorksModule {}
Module({ providers: [Works] })(WorksModule);

export class EmptyModule {}
Module({ providers: [] })(EmptyModule);

class Depends {
  constructor(other) {
    this.other = other;
  }
}
Inject('NOWHERE')(Depends, undefined, 0);
Injectable()(Depends);
export class DependsModule {}
Module({ providers: [Works, Depends] })(DependsModule);

class Throws {
  onModuleInit() {
    if (inChild) throw new Error('it cannot be initialised');
  }
}
Injectable()(Throws);
export class ThrowsModule {}
Module({ providers: [Works, Throws] })(ThrowsModule);

class Exits {
  onModuleInit() {
    if (inChild) process.exit(9);
  }
}
Injectable()(Exits);
export class ExitsModule {}
Module({ providers: [Works, Exits] })(ExitsModule);

class Scheduled {
  handle() {}
}
Cron('0 0 1 1 *')(
  Scheduled.prototype,
  'handle',
  Object.getOwnPropertyDescriptor(Scheduled.prototype, 'handle'),
);
Injectable()(Scheduled);
export class ScheduledModule {}
Module({ imports: [ScheduleModule.forRoot()], providers: [Works, Scheduled] })(ScheduledModule);

export class ApplicationModule {}
Module({ imports: [WorksModule, WorkerModule.forRoot({ workers: { works: { timeout: '1m' } } })] })(
  ApplicationModule,
);

export const notAModule = 5;
