// Starts an application with each of these options, one after the other, and says what came of it.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { fileURLToPath } from 'node:url';
import { Scheduler, WorkerModule } from 'ctrlplane-workers';
import { WorksModule } from './faulty.mjs';

const file = (name) => fileURLToPath(new URL(name, import.meta.url));
const module = file('faulty.mjs');

const CASES = {
  'names no module': {},
  'names a file that does not exist': { module: file('missing.mjs') },
  'names a file that is no JavaScript': { module: file('../witness.sh') },
  'names a file with several modules': { module },
  'names an export that does not exist': { module, export: 'WorkModule' },
  'names an export that is no module': { module, export: 'notAModule' },
  'names a module without the worker': { module, export: 'EmptyModule' },
  'names a module that Nest cannot make': { module, export: 'DependsModule' },
  'names a module that cannot be initialised': { module, export: 'ThrowsModule' },
  'names a module that ends its thread': { module, export: 'ExitsModule' },
  'names a module with a ScheduleModule': { module, export: 'ScheduledModule' },
  'names such a module, although the application ignores its own': {
    module, export: 'ScheduledModule', options: { scheduleModule: 'ignore', adopt: { cronJobs: false } },
  },
  'names a module that imports WorkerModule itself': { module, export: 'ApplicationModule' },
  'names an option that Node does not have': { module, export: 'WorksModule', execArgv: ['--no-such-option'] },
  'runs nothing, so that nothing is loaded': { module, export: 'EmptyModule', options: { run: false } },
  'has the worker disabled': { module, export: 'EmptyModule', options: { workers: { works: { enabled: false } } } },
  'has isolation off': { off: true },
  'names the right one': { module, export: 'WorksModule' },
  'has a module of the worker’s own': {
    module: file('missing.mjs'),
    options: { workers: { works: { isolate: { in: 'process', module, export: 'WorksModule' } } } },
  },
  'has a CommonJS module': { module: file('works.cjs') },
  'has a module that is the default export': { module: file('default.mjs') },
}; // prettier-ignore

for (const [name, { options = {}, off, ...isolation }] of Object.entries(CASES)) {
  class AppModule {}
  Module({
    imports: [WorksModule, WorkerModule.forRoot({ isolation: off ? false : isolation, ...options })],
  })(AppModule);
  let app;
  let answer = {};
  try {
    app = await NestFactory.createApplicationContext(AppModule, { abortOnError: false, logger: false });
    const scheduler = app.get(Scheduler);
    if (scheduler.running && scheduler.workerByName('works').running)
      answer = { outcome: (await (await scheduler.trigger('works')).ended).outcome };
    else answer = { outcome: 'not run' };
  } catch (error) {
    answer = { name: error.name, message: error.message };
  }
  await app?.close();
  console.log(JSON.stringify({ case: name, ...answer }));
}
