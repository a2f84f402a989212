// The smallest consumer, as an ES module: one worker, three runs of it, and an orderly end.
import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import * as workers from 'ctrlplane-workers';
import { run } from './greeter.cjs';

console.log(JSON.stringify(await run({ Injectable, Module, NestFactory, ...workers })));
