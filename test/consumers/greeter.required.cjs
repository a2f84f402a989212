/* eslint-disable @typescript-eslint/no-require-imports -- this is what it is about */
// The same consumer as a CommonJS module.
require('reflect-metadata');
const { Injectable, Module } = require('@nestjs/common');
const { NestFactory } = require('@nestjs/core');
const workers = require('ctrlplane-workers');
const { run } = require('./greeter.cjs');

void run({ Injectable, Module, NestFactory, ...workers }).then((result) =>
  console.log(JSON.stringify(result)),
);
