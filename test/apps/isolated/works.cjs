// The same module for applications in CommonJS, as a compiler writes it.
/* eslint-disable @typescript-eslint/no-require-imports */
'use strict';
Object.defineProperty(exports, '__esModule', { value: true });
require('reflect-metadata');
const { Injectable, Module } = require('@nestjs/common');
const { Interval } = require('ctrlplane-workers');

class Works {
  run() {}
}
Interval('works', 0, { isolate: 'thread' })(
  Works.prototype,
  'run',
  Object.getOwnPropertyDescriptor(Works.prototype, 'run'),
);
Injectable()(Works);

class WorksModule {}
Module({ providers: [Works] })(WorksModule);

exports.Works = Works;
exports.WorksModule = WorksModule;
