// A worker whose first run leaves behind what nobody handles: a rejected promise, or a callback that throws.
import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Interval, Scheduler, WorkerModule } from 'ctrlplane-workers';

const [, , what] = process.argv;
const fail = () => {
  throw new Error('no route to host');
};
const soon = () => new Promise((resolve) => setTimeout(resolve, 10));

const leftBehind = {
  'a promise that rejects at once': () => void Promise.reject(new Error('no route to host')),
  'a promise that rejects when the run has ended': () => void soon().then(fail),
  'a timer that throws': () => void setTimeout(fail, 10),
  'a promise of no run': () => {},
};

class Careless {
  run() {
    leftBehind[what]();
  }
}
Interval('careless', 0)(
  Careless.prototype,
  'run',
  Object.getOwnPropertyDescriptor(Careless.prototype, 'run'),
);
Injectable()(Careless);

class App {}
Module({ imports: [WorkerModule.forRoot()], providers: [Careless] })(App);

const app = await NestFactory.createApplicationContext(App, { logger: ['error'] });
const { runId, ended } = await app.get(Scheduler).trigger('careless');
console.log(runId);
void ended;
if (what === 'a promise of no run') void Promise.reject(new Error('no route to host'));
setTimeout(() => process.exit(42), 10_000);
