import 'reflect-metadata';
import { type INestApplicationContext, Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { isMainThread } from 'node:worker_threads';
import { ChannelLogger } from './isolated/channel-logger.js';
import { openChannel } from './isolated/channel.js';
import { importsModule } from './isolated/imports-module.js';
import { IsolatedRuns } from './isolated/isolated-runs.js';
import { errorOf } from './isolated/known-errors.js';
import { moduleIn } from './isolated/module-file.js';
import { watchParent } from './isolated/watchdog.js';
import { becomeChild } from './isolation/in-child.js';
import { toLogged } from './isolation/logged.js';
import { type ChildSetup, type ToChild } from './isolation/messages.js';
import { toWire } from './isolation/wire-error.js';
import { WorkerModule } from './worker.module.js';

// The program of a thread or process for isolated workers: a Nest context of the application's module, in which the
// application runs its workers. No schedule runs here.

/** What Nest itself logs of each start of a context. */
const START_OF_NEST = new Set(['NestFactory', 'InstanceLoader']);

const channel = openChannel();
becomeChild();
process.on('uncaughtExceptionMonitor', (error) => channel.post({ type: 'crash', error: toWire(error) }));

if (isMainThread) {
  // Ctrl-C reaches all processes of a terminal, and SIGTERM those of a service; the application decides when this one ends.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  process.on('disconnect', () => process.exit());
}

const logger = new ChannelLogger((level, args) => {
  if (level === 'log' && START_OF_NEST.has(String(args.at(-1)))) return;
  channel.post({ type: 'log', level, args: toLogged(args) });
});

let app: INestApplicationContext | undefined;
let runs: IsolatedRuns | undefined;
/** When its module is loaded, or cannot be. */
let started: Promise<void> | undefined;

channel.listen((message) => void received(message));

async function received(message: ToChild): Promise<void> {
  switch (message.type) {
    case 'setup':
      return (started = start(message.setup));
    case 'run':
      return runs?.run(message.run, message.answers);
    case 'abort':
      return runs?.abort(errorOf(message.reason));
    case 'query':
      return runs?.assertions.query(message);
    case 'asserted':
      return runs?.assertions.asserted(message);
    case 'end':
      return end();
  }
}

async function start({ href, export: name, options, parent }: ChildSetup): Promise<void> {
  if (isMainThread) watchParent(parent);
  try {
    Logger.overrideLogger(logger);
    const module = await moduleIn(href, name);
    const own = (await importsModule(module, WorkerModule)) ? [] : [WorkerModule.forRoot(options)];
    const root = { module: IsolatedChildModule, imports: [module as never, ...own] };
    app = await NestFactory.createApplicationContext(root, { logger, abortOnError: false });
    runs = new IsolatedRuns(app, channel);
    channel.post({ type: 'ready', workers: runs.names });
  } catch (error) {
    channel.post({ type: 'refused', error: toWire(error) });
    process.exit(1);
  }
}

/**
 * Its context may hold connections that would keep it alive. Not while it starts: Node leaves the file open that a thread reads
 * when it ends.
 */
async function end(): Promise<void> {
  await started;
  await app?.close().catch((error: unknown) => logger.error('It cannot be closed', error, 'Workers'));
  process.exit();
}

class IsolatedChildModule {}
