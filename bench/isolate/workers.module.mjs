// The module of the isolated workers of the bench: JavaScript, as a thread of an application loads it.
import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { Interval } from 'ctrlplane-workers';

class Workers {
  noop() {}
  loops(context) {
    context.progress(1);
    for (;;);
  }
}

for (const [method, kinds] of [
  ['noop', ['thread', 'process', 'main']],
  ['loops', ['thread', 'process']],
])
  for (const kind of kinds) {
    const key = `${kind}_${method}`;
    const descriptor = { configurable: true, value: Workers.prototype[method].bind({}) };
    Object.defineProperty(Workers.prototype, key, descriptor);
    Interval(`${kind}.${method}`, 0, { isolate: kind === 'main' ? false : kind })(
      Workers.prototype,
      key,
      descriptor,
    );
  }
Injectable()(Workers);

export class WorkersModule {}
Module({ providers: [Workers] })(WorkersModule);
