import { type Command } from 'commander';
import { pathOf } from '../api-client.js';
import { asksApi, type Context, contextOf, wholeNumber } from '../context.js';
import { ago } from '../output.js';

/** A brake on instances, as `BrakesHttpModule` of the control plane answers. */
interface Brake {
  id: string;
  state: string;
  cause: string;
  set: string;
  orphans: number;
  examined: number;
  engaged_at: string;
  decided_by?: string;
}

/** What another pass holds back. */
interface PassBrake {
  id: string;
  pass: string;
  store?: string;
  tenant_id?: string;
  state: string;
  cause: string;
  set: string;
  items: number;
  engaged_at: string;
  decided_by?: string;
}

interface Page<T> {
  items: T[];
  next?: string;
}

/** What one shows depends on whose it is: a brake on instances has the id of its tenant. */
const rootOf = (id: string): string => (id.startsWith('ten_') ? 'gc/brakes' : 'gc/pass-brakes');

/** `brakes ls`, `show`, `confirm`, `refuse`. */
export function brakesCommand(program: Command): void {
  const brakes = program
    .command('brakes')
    .description('shows and decides what the garbage collector holds back');
  asksApi(
    brakes.command('ls').description('lists them: those on instances, then those of other passes'),
  ).action((_flags: unknown, command: Command) => list(contextOf(command)));
  asksApi(brakes.command('show').description('lists what one holds back'))
    .argument('<id>', 'as `ls` shows it')
    .option('--after <position>', '`next` of the page before')
    .option('--limit <n>', 'how many', wholeNumber(1, 1_000), 50)
    .action((id: string, flags: { after?: string; limit: number }, command: Command) =>
      show(contextOf(command), id, flags),
    );
  for (const [name, description, done] of [
    ['confirm', 'lets exactly that set be removed', 'is removed by the next runs'],
    ['refuse', 'keeps that set, and what takes its place, until it is confirmed', 'stays'],
  ] as const)
    asksApi(brakes.command(name).description(description))
      .argument('<id>', 'as `ls` shows it')
      .argument('<set>', 'as `ls` shows it; one that has changed since is refused')
      .action(async (id: string, set: string, _flags: unknown, command: Command) => {
        const { api, output } = contextOf(command);
        const told = await api.post<Brake | PassBrake>(`${rootOf(id)}/${pathOf(id)}/${name}`, { set });
        if (output.json) output.data(told);
        else output.line(`${'pass' in told ? told.pass : 'instances'} ${id}: the set ${done}`);
      });
  for (const command of brakes.commands) command.copyInheritedSettings(program);
}

async function list({ api, output }: Context): Promise<void> {
  const [instances, passes] = [
    await all<Brake>(api, 'gc/brakes'),
    await all<PassBrake>(api, 'gc/pass-brakes'),
  ];
  if (output.json) return output.data({ instances, passes });
  output.table(
    ['ID', 'PASS', 'STATE', 'WHY', 'HELD', 'TENANT', 'STORE', 'ENGAGED', 'DECIDED BY', 'SET'],
    [
      ...instances.map(({ id, state, cause, orphans, examined, engaged_at, decided_by, set }) => [
        ...[id, 'instances', state, cause, `${orphans} of ${examined}`, id, undefined],
        ...[ago(engaged_at), decided_by, set],
      ]),
      ...passes.map(({ id, pass, state, cause, items, tenant_id, store, engaged_at, decided_by, set }) => [
        ...[id, pass, state, cause, items, tenant_id, store, ago(engaged_at), decided_by, set],
      ]),
    ],
  );
}

/** All pages: whoever decides has to see everything that is held back. */
async function all<T>(api: Context['api'], path: string): Promise<T[]> {
  const items: T[] = [];
  let after: string | undefined;
  do {
    const page = await api.get<Page<T>>(path, { after, limit: 1_000 });
    items.push(...page.items);
    after = page.next;
  } while (after !== undefined);
  return items;
}

async function show(
  { api, output }: Context,
  id: string,
  { after, limit }: { after?: string; limit: number },
): Promise<void> {
  const path = `${rootOf(id)}/${pathOf(id)}`;
  const page = await api.get<Page<{ key?: string; instance_id?: string; workload_id?: string }>>(path, {
    after,
    limit,
  });
  if (output.json) return output.data(page);
  if (rootOf(id) === 'gc/brakes')
    output.table(
      ['INSTANCE', 'WORKLOAD THAT IS GONE'],
      page.items.map(({ instance_id, workload_id }) => [instance_id, workload_id || undefined]),
    );
  else
    output.table(
      ['KEY'],
      page.items.map(({ key }) => [key]),
    );
  if (page.next !== undefined) output.note(`There are more: --after ${page.next}`);
}
