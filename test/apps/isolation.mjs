// A Nest app on this package, as a user writes one without a compiler: workers that misbehave each in its own
// way, and two that do not. It says its address when it is ready.
import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Interval, WorkerModule } from 'ctrlplane-workers';
import { WorkerDashboardModule } from 'ctrlplane-workers/dashboard';

class Misbehaving {
  throws() {
    throw new Error('thrown before any await');
  }
  async rejects() {
    throw 'a mere string';
  }
  settles_never() {
    return new Promise(() => {});
  }
  /** Only when triggered. */
  blocks() {
    const end = performance.now() + 2_000;
    while (performance.now() < end);
  }
}

class WellBehaved {
  async one() {}
  async other() {
    await new Promise(setImmediate);
  }
}

for (const type of [Misbehaving, WellBehaved]) {
  for (const name of Object.getOwnPropertyNames(type.prototype).filter((name) => name !== 'constructor')) {
    const method = Object.getOwnPropertyDescriptor(type.prototype, name);
    const options = name === 'settles_never' ? { timeout: 500 } : {};
    Interval(name, name === 'blocks' ? 0 : 200, options)(type.prototype, name, method);
  }
  Injectable()(type);
}

class App {}
Module({
  imports: [
    WorkerModule.forRoot({ drain: { timeout: 200, abortGrace: 200 } }),
    WorkerDashboardModule.forRoot({ openReads: true, token: process.env.WORKERS_TOKEN }),
  ],
  providers: [Misbehaving, WellBehaved],
})(App);

const app = await NestFactory.create(App);
app.enableShutdownHooks();
await app.listen(0, '127.0.0.1');
console.log(`running at ${await app.getUrl()}`);
