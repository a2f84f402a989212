import { type Command } from 'commander';
import { pathOf } from '../api-client.js';
import { asksApi, type Context, contextOf, wholeNumber } from '../context.js';
import { ago } from '../output.js';

/** A stored schedule, as `SchedulesHttpModule` of the control plane answers. */
interface Schedule {
  handler: string;
  key: string;
  group?: string;
  state: string;
  next_run?: string;
  last_outcome?: string;
  last_started_at?: string;
  last_error?: string;
  runs: number;
  failures: number;
  [field: string]: unknown;
}

interface Handler {
  handler: string;
  state: string;
  schedules: number;
  running: number;
  failing: number;
  overdue: number;
  runs: number;
  failures: number;
  next_run?: string;
}

interface ListFlags {
  prefix?: string;
  state?: string;
  after?: string;
  limit: number;
}

/** `schedules ls`, `show`, `pause`, `resume`, `trigger`, `cancel`, `rm`. */
export function schedulesCommand(program: Command): void {
  const schedules = program.command('schedules').description('sees and steers stored schedules');
  asksApi(schedules.command('ls').description('lists handlers, or the schedules of one'))
    .argument('[handler]')
    .option('--prefix <text>', 'what the keys begin with')
    .option('--state <state>', 'active, running, paused, ended')
    .option('--after <position>', '`next` of the page before')
    .option('--limit <n>', 'how many', wholeNumber(1, 1_000), 50)
    .action((handler: string | undefined, flags: ListFlags, command: Command) =>
      handler === undefined ? handlers(contextOf(command)) : list(contextOf(command), handler, flags),
    );
  asksApi(schedules.command('show').description('shows one: definition, counts, last run, what comes next'))
    .argument('<handler>')
    .argument('<key>')
    .action(async (handler: string, key: string, _flags: unknown, command: Command) => {
      const { api, output } = contextOf(command);
      const found = await api.get<Schedule>(`schedules/${pathOf(handler, key)}`);
      if (output.json) output.data(found);
      else output.facts(found);
    });
  for (const [name, description, done] of [
    ['pause', 'runs no slot until it is resumed', 'is paused'],
    ['resume', 'ends the pause', 'is resumed'],
    ['trigger', 'runs it once now', 'is told to run'],
  ] as const)
    asksApi(schedules.command(name).description(description))
      .argument('<handler>')
      .argument('<key>')
      .action(async (handler: string, key: string, _flags: unknown, command: Command) => {
        const { api, output } = contextOf(command);
        const told = await api.post<Schedule>(`schedules/${pathOf(handler, key)}/${name}`);
        if (output.json) output.data(told);
        else output.line(`${handler} ${key} ${done}`);
      });
  asksApi(schedules.command('cancel').description('ends its active run, on any replica'))
    .argument('<handler>')
    .argument('<key>')
    .option('--reason <text>')
    .action(async (handler: string, key: string, { reason }: { reason?: string }, command: Command) => {
      const { api, output } = contextOf(command);
      const told = await api.post<Schedule>(
        `schedules/${pathOf(handler, key)}/cancel`,
        {},
        reason === undefined ? {} : { reason },
      );
      if (output.json) output.data(told);
      else output.line(`${handler} ${key}: its run is told to end`);
    });
  asksApi(
    schedules.command('rm').description('removes it with its counts; a run that is active ends by itself'),
  )
    .argument('<handler>')
    .argument('<key>')
    .action(async (handler: string, key: string, _flags: unknown, command: Command) => {
      const { api, output } = contextOf(command);
      const removed = await api.delete<{ removed: true }>(`schedules/${pathOf(handler, key)}`);
      if (output.json) output.data(removed);
      else output.line(`${handler} ${key} is removed`);
    });
  for (const command of schedules.commands) command.copyInheritedSettings(program);
}

async function handlers({ api, output }: Context): Promise<void> {
  const { items } = await api.get<{ items: Handler[] }>('schedules/handlers');
  if (output.json) return output.data(items);
  output.table(
    ['HANDLER', 'STATE', 'SCHEDULES', 'RUNNING', 'FAILING', 'OVERDUE', 'RUNS', 'FAILURES', 'NEXT RUN'],
    items.map(({ handler, state, schedules, running, failing, overdue, runs, failures, next_run }) => [
      handler,
      state,
      schedules,
      running,
      failing,
      overdue,
      runs,
      failures,
      next_run,
    ]),
  );
}

async function list({ api, output }: Context, handler: string, flags: ListFlags): Promise<void> {
  const { prefix: key_prefix, state, after, limit } = flags;
  const page = await api.get<{ items: Schedule[]; next?: string }>('schedules', {
    handler,
    key_prefix,
    state,
    after,
    limit,
  });
  if (output.json) return output.data(page);
  output.table(
    ['KEY', 'GROUP', 'STATE', 'NEXT RUN', 'LAST RUN', 'STARTED', 'RUNS', 'FAILURES', 'ERROR'],
    page.items.map(
      ({ key, group, state, next_run, last_outcome, last_started_at, runs, failures, last_error }) => [
        key,
        group,
        state,
        next_run,
        last_outcome,
        last_started_at && ago(last_started_at),
        runs,
        failures,
        last_error,
      ],
    ),
  );
  if (page.next !== undefined) output.note(`There are more: --after ${page.next}`);
}
