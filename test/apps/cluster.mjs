// A replica of a cluster on this package, as a user writes one without a compiler. What it is to be comes as JSON in
// REPLICA (`ReplicaOptions` in test/chaos/replica.ts). It notes what its runs do in a file, line by line and before it
// goes on, so that the notes outlive a kill -9; it says its id when it is ready, and closes when it is told to.
import 'reflect-metadata';
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const options = JSON.parse(process.env.REPLICA);
const trueNow = Date.now.bind(Date);
if (options.clockAhead) setClock(options.clockAhead);

const { Module } = await import('@nestjs/common');
const { NestFactory } = await import('@nestjs/core');
const { default: pg } = await import('pg');
const { RunRecorder, Scheduler, WorkerModule } = await import('ctrlplane-workers');
const { postgres } = await import('ctrlplane-workers/postgres');

const { url, workers, journal, module = {} } = options;
const note = (what, run, more) =>
  appendFileSync(journal, `${JSON.stringify({ at: trueNow(), what, ...run, ...more })}\n`);

let effects;
/** The effect and the proof that the run is the one, in one transaction. */
async function writeGuarded(context, run) {
  effects ??= new pg.Pool({ connectionString: options.effectsUrl ?? url, max: 3 }).on('error', () => {});
  const client = await effects.connect();
  client.on('error', () => {});
  try {
    await client.query('BEGIN');
    await client.query(
      'INSERT INTO chaos.effects (worker, slot, attempt, token, run) VALUES ($1, $2, $3, $4, $5)',
      [run.worker, context.slot, run.attempt, run.token, run.run],
    );
    await context.assertCurrent(client);
    await client.query('COMMIT');
    client.release();
  } catch (error) {
    client.release(true);
    throw error;
  }
}

const run =
  ({ takes, deaf = false, writes = false }) =>
  async (context) => {
    const { worker, attempt, runId, fencingToken: token, signal } = context;
    const run = { worker, slot: context.slot?.getTime(), attempt, token, run: runId };
    note('start', run);
    signal.addEventListener('abort', () => note('abort', run, { reason: signal.reason.name }));
    let error;
    try {
      await sleep(takes, undefined, deaf ? {} : { signal });
      if (writes) await writeGuarded(context, run);
    } catch (thrown) {
      error = thrown;
      throw thrown;
    } finally {
      note('end', run, error ? { error: error.name } : {});
    }
  };

class App {}
Module({
  imports: [
    // Every row is a worker of the test's: the one that prunes the history is left out.
    WorkerModule.forRoot({ coordination: postgres({ connectionString: url }), retention: false, ...module }),
  ],
  providers: [
    {
      provide: 'workers',
      inject: [Scheduler],
      useFactory: (scheduler) => {
        for (const { takes, deaf, writes, ...worker } of workers)
          scheduler.register({ ...worker, run: run({ takes, deaf, writes }) });
      },
    },
  ],
})(App);

const app = await NestFactory.createApplicationContext(App, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
console.log(`ready as ${app.get(RunRecorder).replica.id}`);

process.stdin.once('data', () => {
  process.stdin.destroy();
  void app
    .close()
    .then(() => effects?.end())
    .then(() => console.log('closed'));
});
// Not the listener is to keep the process alive.
process.stdin.unref?.();

/** As on a machine whose clock is wrong; lengths of time are right. */
function setClock(ahead) {
  const TrueDate = Date;
  globalThis.Date = class extends TrueDate {
    constructor(...args) {
      super(...(args.length > 0 ? args : [trueNow() + ahead]));
    }
    static now() {
      return trueNow() + ahead;
    }
  };
}
