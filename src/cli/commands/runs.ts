import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { type Command } from 'commander';
import { pathOf } from '../api-client.js';
import { asksApi, type Context, contextOf, wholeNumber } from '../context.js';
import { CommandError, EXIT } from '../exit-codes.js';
import { followRun } from '../follow-run.js';
import { type Output } from '../output.js';
import { type Progress, type Run, type RunError } from '../../core/dashboard/api-shapes.js';
import { printRuns } from './workers.js';

/** Milliseconds that an application waits for the end of a run at most. */
const LONGEST_WAIT = 300_000;

interface RunFilters {
  worker?: string;
  outcome?: string;
  trigger?: string;
  since?: string;
  until?: string;
  text?: string;
  key?: string;
  before?: string;
  limit: number;
}

/** `runs`, `run`, `trigger`, `rerun`, `cancel`. */
export function runCommands(program: Command): void {
  asksApi(program.command('runs').description('lists runs, newest first'))
    .option('--worker <name>')
    .option(
      '--outcome <outcomes>',
      'running, succeeded, failed, timed_out, aborted, cancelled, lost; several by commas',
    )
    .option('--trigger <trigger>', 'schedule, manual, event, catch_up, retry')
    .option('--since <instant>', 'such as 2030-01-31T12:00:00Z')
    .option('--until <instant>')
    .option('--text <text>', 'in the error')
    .option('--key <key>', 'of the stored schedule that they were for')
    .option('--before <position>', '`next` of the page before')
    .option('--limit <n>', 'how many', wholeNumber(1, 1_000), 20)
    .action((filters: RunFilters, command: Command) => list(contextOf(command), filters));
  asksApi(program.command('run').description('shows one run: error with causes, payload, progress, log'))
    .argument('<id>')
    .action((id: string, _given: unknown, command: Command) => show(contextOf(command), id));
  waits(asksApi(program.command('trigger').description('starts a run now')))
    .argument('<worker>')
    .argument('[payload]', 'JSON, or @FILE that has it, or - for stdin')
    .action((name: string, payload: string | undefined, given: { wait?: boolean }, command: Command) =>
      trigger(contextOf(command), name, payload, given.wait ?? false),
    );
  waits(asksApi(program.command('rerun').description('starts a run with the payload of another')))
    .argument('<id>')
    .action(async (id: string, given: { wait?: boolean }, command: Command) => {
      const context = contextOf(command);
      const { worker } = given.wait ? await context.api.get<Run>(`runs/${pathOf(id)}`) : {};
      await start(context, `runs/${pathOf(id)}/rerun`, undefined, worker);
    });
  asksApi(program.command('cancel').description('ends a run, on any replica'))
    .argument('<id>')
    .option('--reason <text>')
    .action(async (id: string, { reason }: { reason?: string }, command: Command) => {
      const { api, output } = contextOf(command);
      const told = await api.post<unknown>(
        `runs/${pathOf(id)}/cancel`,
        {},
        reason === undefined ? {} : { reason },
      );
      if (output.json) output.data(told);
      else output.line(`Run ${id} is told to end`);
    });
}

function waits(command: Command): Command {
  return command.option('--wait', 'until it has ended: exit code 0 if it succeeded, 1 if not');
}

async function list({ api, output }: Context, filters: RunFilters): Promise<void> {
  const { worker, outcome, trigger, since, until, text, key, before, limit } = filters;
  const page = await api.get<{ items: Run[]; next?: string }>('runs', {
    worker,
    outcome,
    trigger,
    since,
    until,
    text,
    key,
    before,
    limit,
  });
  if (output.json) return output.data(page);
  printRuns(output, page.items);
  if (page.next !== undefined) output.note(`There are more: --before ${page.next}`);
}

async function show({ api, output }: Context, id: string): Promise<void> {
  const run = await api.get<Run>(`runs/${pathOf(id)}`);
  if (output.json) return output.data(run);
  printRun(output, run);
}

function printRun(output: Output, { error, log, ran_on, ...facts }: Run): void {
  output.facts({ ...facts, ...(ran_on && { host: ran_on.host, pid: ran_on.pid }) });
  if (error) printError(output, error);
  if (!log) return;
  output.line(`\nlog${log.dropped > 0 ? `, without ${log.dropped} earlier lines` : ''}`);
  for (const { at, level, message } of log.lines) output.line(`  ${at} ${level.padEnd(5)} ${message}`);
}

function printError(output: Output, error: RunError, depth = 0, what = 'error'): void {
  const indent = '  '.repeat(depth);
  output.line(
    `${depth === 0 ? '\n' : indent}${what}: ${error.name ? `${error.name}: ` : ''}${error.message}`,
  );
  for (const line of error.stack?.split('\n').filter((one) => /^\s+at /.test(one)) ?? [])
    output.line(`${indent}${line}`);
  if (error.cause) printError(output, error.cause, depth + 1, 'caused by');
  for (const one of error.errors ?? []) printError(output, one, depth + 1, 'one of them');
}

async function trigger(
  context: Context,
  name: string,
  given: string | undefined,
  waiting: boolean,
): Promise<void> {
  const payload = given === undefined ? undefined : await payloadOf(given);
  await start(context, `workers/${pathOf(name)}/trigger`, payload, waiting ? name : undefined);
}

/**
 * Starts a run, and says which it is; or what it does, until it has ended.
 * @param awaited its worker; undefined: nobody waits
 */
async function start(
  { api, output }: Context,
  path: string,
  payload: unknown,
  awaited: string | undefined,
): Promise<void> {
  if (awaited === undefined) {
    const { run_id } = await api.post<{ run_id: string }>(path, {}, payload);
    if (output.json) output.data({ run_id });
    else output.line(`Run ${run_id} is asked for`);
    return;
  }
  const { definition } = await api.get<{ definition: { record: string } }>(`workers/${pathOf(awaited)}`);
  const run =
    definition.record === 'all'
      ? await follow({ api, output }, (await api.post<{ run_id: string }>(path, {}, payload)).run_id, awaited)
      : await answered(api, path, payload);
  if (output.json) output.data(run);
  else printRun(output, run);
  if (run.outcome !== 'succeeded') throw new CommandError(`Run ${run.id} ${run.outcome}`, EXIT.failed);
}

/** Of runs that may leave no record only the answer to the request tells how they ended. */
async function answered(api: Context['api'], path: string, payload: unknown): Promise<Run> {
  const { run_id, ...run } = await api.post<{ run_id: string } & Partial<Run>>(
    path,
    { wait: LONGEST_WAIT },
    payload,
    LONGEST_WAIT,
  );
  if (run.outcome !== undefined) return run as Run;
  throw new CommandError(
    `Run ${run_id} has not ended within 5 minutes, and its worker keeps no record of each run: no longer wait is possible`,
    EXIT.failed,
  );
}

async function follow({ api, output }: Context, id: string, worker: string): Promise<Run> {
  try {
    return await followRun(api, { id, worker }, (run) =>
      output.progress(run ? progressLine(run) : `${id} waits`),
    );
  } finally {
    output.progressEnds();
  }
}

const BAR = 24;

function progressLine({ id, progress }: Run): string {
  return progress ? `${bar(progress)} ${progress.message ?? ''}`.trimEnd() : `${id} is running`;
}

/** `[########----------------] 1 of 3`. */
export function bar({ done, total }: Progress): string {
  if (!total || !(total > 0)) return `${done} done`;
  const filled = Math.round(Math.min(1, Math.max(0, done / total)) * BAR);
  return `[${'#'.repeat(filled)}${'-'.repeat(BAR - filled)}] ${done} of ${total}`;
}

/** @throws CommandError for what is no JSON */
async function payloadOf(given: string): Promise<unknown> {
  let text = given;
  try {
    if (given === '-') text = await readAll(process.stdin);
    else if (given.startsWith('@')) text = await readFile(given.slice(1), 'utf8');
  } catch (error) {
    throw new CommandError(`The payload cannot be read: ${(error as Error).message}`, EXIT.usage);
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new CommandError(`The payload is no JSON: ${(error as Error).message}`, EXIT.usage);
  }
}
