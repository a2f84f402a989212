import { type Command } from 'commander';
import { shownDuration, wholeDuration } from '../../core/text/shown-duration.js';
import { pathOf } from '../api-client.js';
import { asksApi, type Context, contextOf, wholeNumber } from '../context.js';
import { CommandError, EXIT } from '../exit-codes.js';
import { ago, ahead, type Output } from '../output.js';
import { type Run, type Worker } from '../../core/dashboard/api-shapes.js';

interface Filters {
  state?: string;
  condition?: string;
  group?: string;
  text?: string;
  all?: boolean;
}

/** `ls`, `show`, `pause`, `resume`, `reschedule`, `upcoming`. */
export function workerCommands(program: Command): void {
  filters(asksApi(program.command('ls').description('lists workers, those in trouble first'))).action(
    (given: Filters, command: Command) => list(contextOf(command), given),
  );
  asksApi(program.command('show').description('shows one worker: state, definition, last runs'))
    .argument('<worker>')
    .option('--limit <n>', 'how many runs', wholeNumber(1, 1_000), 10)
    .action((name: string, { limit }: { limit: number }, command: Command) =>
      show(contextOf(command), name, limit),
    );
  for (const change of ['pause', 'resume'] as const)
    filters(
      asksApi(
        program.command(change).description(`${change}s workers: those that are named, or all that match`),
      ),
    )
      .argument('[worker...]')
      .option('--all', 'all workers')
      .action((names: string[], given: Filters, command: Command) =>
        changeState(contextOf(command), change, names, given),
      );
  asksApi(program.command('reschedule').description('gives a worker another schedule'))
    .argument('<worker>')
    .argument('[interval]', 'such as 30s')
    .option('--cron <expression>')
    .option('--time-zone <name>', 'of the cron expression')
    .option('--at <instant>', 'once, at this instant')
    .action((name: string, interval: string | undefined, given: Schedule, command: Command) =>
      reschedule(contextOf(command), name, { ...given, interval }),
    );
  asksApi(program.command('upcoming').description('says what runs next'))
    .argument('[worker]')
    .option('--limit <n>', 'how many', wholeNumber(1, 1_000), 20)
    .action((name: string | undefined, { limit }: { limit: number }, command: Command) =>
      upcoming(contextOf(command), name, limit),
    );
}

function filters(command: Command): Command {
  return command
    .option('--state <states>', 'idle, executing, paused, stuck, stopped, ended; several by commas')
    .option('--condition <conditions>', 'stale, failing, stuck; several by commas')
    .option('--group <group>')
    .option('--text <text>', 'in name, description or group');
}

async function list({ api, output }: Context, { state, condition, group, text }: Filters): Promise<void> {
  const workers = await api.get<Worker[]>('workers', { state, condition, group, text });
  if (output.json) return output.data(workers);
  const troubled = (worker: Worker) => worker.conditions.length > 0 || worker.consecutive_failures > 0;
  const sorted = workers.toSorted(
    (a, b) => Number(troubled(b)) - Number(troubled(a)) || (a.name < b.name ? -1 : 1),
  );
  output.table(
    ['WORKER', 'STATE', 'SCHEDULE', 'NEXT', 'LAST', 'TOOK', 'RUNS', 'FAILED', 'ERROR'],
    sorted.map((worker) => [
      worker.name,
      [worker.state, ...worker.conditions.filter((condition) => condition !== worker.state)].join(' '),
      scheduleOf(worker),
      ahead(worker.next_run),
      ago(worker.last_run),
      worker.last_duration_ms === undefined ? undefined : shownDuration(worker.last_duration_ms),
      worker.run_count,
      worker.consecutive_failures,
      worker.last_error ?? '',
    ]),
  );
  if (workers.some(({ source }) => source === 'cluster') || workers.length === 0) return;
  output.note('This is what one replica knows: the application has no coordination, or cannot reach it.');
}

async function show({ api, output }: Context, name: string, limit: number): Promise<void> {
  const [worker, { items: runs }] = await Promise.all([
    api.get<Worker & { definition: Record<string, unknown> }>(`workers/${pathOf(name)}`),
    api.get<{ items: Run[] }>(`workers/${pathOf(name)}/runs`, { limit }),
  ]);
  if (output.json) return output.data({ ...worker, runs });
  const { definition, ...state } = worker;
  output.facts(state);
  output.line('\ndefinition');
  output.facts(definition);
  if (runs.length === 0) return output.line('\nno runs are recorded');
  output.line('');
  printRuns(output, runs);
}

export function printRuns(output: Output, runs: readonly Run[]): void {
  // Runs of workers have no key.
  const keyed = runs.some(({ key }) => key !== undefined);
  output.table(
    [
      'RUN',
      'WORKER',
      ...(keyed ? ['KEY'] : []),
      'OUTCOME',
      'STARTED',
      'TOOK',
      'TRIGGER',
      'BY',
      'TRY',
      'ERROR',
    ],
    runs.map((run) => [
      run.id,
      run.worker,
      ...(keyed ? [run.key] : []),
      run.outcome,
      run.started_at,
      run.ended_at === undefined
        ? undefined
        : shownDuration(Date.parse(run.ended_at) - Date.parse(run.started_at)),
      run.trigger,
      run.actor,
      run.attempt,
      run.error?.message ?? '',
    ]),
  );
}

async function changeState(
  { api, output }: Context,
  change: 'pause' | 'resume',
  names: string[],
  given: Filters,
): Promise<void> {
  const { state, condition, group, text, all } = given;
  const narrowed = [state, condition, group, text].some((value) => value !== undefined);
  if ((names.length > 0 ? 1 : 0) + (narrowed ? 1 : 0) + (all ? 1 : 0) !== 1)
    throw new CommandError(
      `Say which workers: their names, or --state, --condition, --group, --text, or --all`,
      EXIT.usage,
    );
  if (names.length > 0) {
    return changeNamed({ api, output }, change, names);
  }
  const result = await api.post<{ changed: string[]; failed: { name: string; detail: string }[] }>(
    `workers/${change}`,
    { state, condition, group, text, all },
  );
  if (output.json) output.data(result);
  else
    output.line(`${result.changed.length} ${change}d${result.changed.map((name) => `\n  ${name}`).join('')}`);
  if (result.failed.length > 0)
    throw new CommandError(
      result.failed.map(({ name, detail }) => `${name}: ${detail}`).join('\n'),
      EXIT.failed,
    );
}

/** What is refused for one name prevents none of the others, and what was changed is told whatever comes after it. */
async function changeNamed(
  { api, output }: Context,
  change: 'pause' | 'resume',
  names: string[],
): Promise<void> {
  const workers: Worker[] = [];
  const faults: CommandError[] = [];
  for (const name of names) {
    try {
      workers.push(await api.post<Worker>(`workers/${pathOf(name)}/${change}`));
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      faults.push(error);
      // The next would be answered in the same way.
      if (error.exitCode !== EXIT.refused) break;
    }
  }
  if (output.json) output.data(workers);
  else for (const { name, state } of workers) output.line(`${name} is ${state}`);
  const [first] = faults;
  if (!first) return;
  const message = faults.map((fault) => fault.message).join('\n');
  throw new CommandError(message, workers.length > 0 ? EXIT.failed : first.exitCode);
}

interface Schedule {
  interval?: string | undefined;
  cron?: string;
  timeZone?: string;
  at?: string;
}

async function reschedule({ api, output }: Context, name: string, given: Schedule): Promise<void> {
  const { interval, cron, timeZone, at } = given;
  const worker = await api.post<Worker>(
    `workers/${pathOf(name)}/reschedule`,
    {},
    {
      ...(interval !== undefined && { interval: /^\d+$/.test(interval) ? Number(interval) : interval }),
      ...(cron !== undefined && { cron }),
      ...(timeZone !== undefined && { time_zone: timeZone }),
      ...(at !== undefined && { at }),
    },
  );
  if (output.json) return output.data(worker);
  output.line(
    `${worker.name} runs ${scheduleOf(worker)}${worker.next_run ? `, next ${worker.next_run}` : ''}`,
  );
}

async function upcoming({ api, output }: Context, name: string | undefined, limit: number): Promise<void> {
  const { items } = await api.get<{ items: { worker: string; at: string; time_zone?: string }[] }>(
    name === undefined ? 'runs/upcoming' : `workers/${pathOf(name)}/upcoming`,
    { limit },
  );
  if (output.json) return output.data(items);
  output.table(
    ['AT', 'IN', 'WORKER', 'TIME ZONE'],
    items.map(({ worker, at, time_zone }) => [at, ahead(at), worker, time_zone ?? '']),
  );
}

function scheduleOf({ interval, cron, next_run }: Worker): string {
  if (cron !== undefined) return cron;
  if (interval > 0) return `every ${wholeDuration(interval)}`;
  // Of an event nobody knows when it comes: what has an instant has only that one.
  return next_run === undefined ? 'on events' : 'once';
}
