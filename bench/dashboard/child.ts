import { type Run, RunRecorder, Scheduler } from 'ctrlplane-workers';
import { postgres } from 'ctrlplane-workers/postgres';
import { report } from '../harness/child.js';
import { aboutWorker, endpoint, nameOf, startPageApp } from '../harness/page-app.js';
import { WORKERS } from './size.js';

/** Where the server listens, and how it is asked. */
export interface Served {
  url: string;
}

const [, , databaseUrl] = process.argv;
/** The same answer as that of `/workers`, from an endpoint that finds it made. */
const made: { answer?: unknown } = {};

const app = await startPageApp(
  databaseUrl ? { coordination: postgres({ connectionString: databaseUrl }) } : {},
  [endpoint('bare', () => made.answer)],
);
const scheduler = app.get(Scheduler);
for (let n = 0; n < WORKERS; n++)
  scheduler.register({ ...aboutWorker(n), interval: '1h', run: () => undefined });
const runs: Run[] = [];
for (let n = 0; n < WORKERS; n++) runs.push(await (await scheduler.trigger(nameOf(n))).ended);
await app.get(RunRecorder).flush();
const url = await app.getUrl();
made.answer = await (await fetch(`${url}/workers`)).json();
if (!Array.isArray(made.answer) || made.answer.length < WORKERS) throw new Error('The workers are not there');
report({ url } satisfies Served);
