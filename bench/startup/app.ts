import { type DynamicModule, Inject, Injectable, Module, type Type } from '@nestjs/common';

export const PROVIDERS = 1_000;
export const WORKERS = 100;
const MODULES = 20;

/** Makes a method a worker of that name. */
type Interval = (name: string) => (prototype: object, method: string, descriptor: Method) => unknown;
type Method = TypedPropertyDescriptor<() => Promise<void>>;

/**
 * An application of many modules, each a chain of providers with a handful of methods; every tenth provider has a
 * worker.
 * @param interval decorates the method of a worker, given its name
 */
export function appWith(scheduling: DynamicModule, interval: Interval): Type {
  const modules = Array.from({ length: MODULES }, (_, m) => feature(m, interval));
  class App {}
  Module({ imports: [scheduling, ...modules] })(App);
  return App;
}

function feature(m: number, interval: Interval): Type {
  const providers: Type[] = [];
  for (let i = 0; i < PROVIDERS / MODULES; i++)
    providers.push(service(providers.at(-1), i % (PROVIDERS / WORKERS) === 0, `worker-${m}-${i}`, interval));
  class Feature {}
  Module({ providers })(Feature);
  return Feature;
}

function service(before: Type | undefined, isWorker: boolean, name: string, interval: Interval): Type {
  class Service {
    constructor(readonly before?: unknown) {}
    find(): void {}
    list(): void {}
    save(): void {}
    remove(): void {}
    async work(): Promise<void> {}
  }
  if (before) Inject(before)(Service, undefined, 0);
  if (isWorker)
    interval(name)(Service.prototype, 'work', Object.getOwnPropertyDescriptor(Service.prototype, 'work')!);
  Injectable()(Service);
  return Service;
}
