import { type Command } from 'commander';
import { pathOf } from '../api-client.js';
import { asksApi, contextOf, wholeNumber } from '../context.js';
import { CommandError, EXIT } from '../exit-codes.js';
import { ago, ahead } from '../output.js';

/** An incident, as `IncidentsHttpModule` answers. */
interface Incident {
  id: string;
  kind: string;
  subject: string;
  condition: string;
  summary: string;
  opened_at: string;
  closed_at?: string;
}

interface Silence {
  id: string;
  kind?: string;
  subject?: string;
  condition?: string;
  until: string;
  reason?: string;
  actor?: string;
}

interface Delivery {
  id: string;
  incident: Incident;
  event: string;
  endpoint: string;
  state: string;
  attempts: number;
  created_at: string;
  due_at?: string;
  status?: number;
  error?: string;
}

interface Page<T> {
  items: T[];
  next?: string;
}

interface SilenceFlags {
  kind?: string;
  condition?: string;
  for?: string;
  until?: string;
  reason?: string;
}

/** `incidents ls`, `silence`, `silences`, `unsilence`, `deliveries`, `resend`. */
export function incidentsCommand(program: Command): void {
  const incidents = program
    .command('incidents')
    .description('sees incidents, silences them, sends deliveries again');
  paged(asksApi(incidents.command('ls').description('lists incidents, newest first')))
    .option('--state <state>', 'open, closed')
    .option('--kind <kind>', 'worker, or what the application reports')
    .option('--subject <name>', 'of what, such as the name of a worker')
    .option('--condition <condition>', 'such as failing')
    .action(async (flags: Record<string, string>, command: Command) => {
      const { api, output } = contextOf(command);
      const page = await api.get<Page<Incident>>(
        'incidents',
        asked(flags, 'state', 'kind', 'subject', 'condition'),
      );
      if (output.json) return output.data(page);
      output.table(
        ['INCIDENT', 'OF', 'WHAT', 'OPENED', 'CLOSED', 'SUMMARY'],
        page.items.map(({ id, subject, condition, opened_at, closed_at, summary }) => [
          id, subject, condition, ago(opened_at), ago(closed_at), summary,
        ]), // prettier-ignore
      );
      if (page.next !== undefined) output.note(`There are more: --before ${page.next}`);
    });
  asksApi(incidents.command('silence').description('tells nobody of incidents for a time; they are recorded'))
    .argument('[subject]', 'of what, such as the name of a worker; without it, of all')
    .option('--kind <kind>', 'worker, or what the application reports')
    .option('--condition <condition>', 'such as failing')
    .option('--for <time>', 'such as 2h')
    .option('--until <instant>', 'such as 2030-01-31T12:00:00Z')
    .option('--reason <text>', 'why, for the others')
    .action(async (subject: string | undefined, flags: SilenceFlags, command: Command) => {
      const { kind, condition, for: length, until, reason } = flags;
      if ((length === undefined) === (until === undefined))
        throw new CommandError('Give either --for or --until', EXIT.usage);
      const { api, output } = contextOf(command);
      const body = { kind, subject, condition, for: length, until, reason };
      const made = await api.post<Silence>('incidents/silences', {}, body);
      if (output.json) output.data(made);
      else output.line(`Silence ${made.id} ends ${ahead(made.until)}`);
    });
  asksApi(incidents.command('silences').description('lists the silences that have not ended'))
    .action(async (_flags: unknown, command: Command) => {
      const { api, output } = contextOf(command);
      const page = await api.get<Silence[] | Page<Silence>>('incidents/silences');
      const items = Array.isArray(page) ? page : page.items;
      if (output.json) return output.data(items);
      output.table(
        ['SILENCE', 'OF', 'WHAT', 'ENDS', 'BY', 'WHY'],
        items.map(({ id, subject, condition, until, actor, reason }) => [
          id, subject ?? 'all', condition ?? 'all', ahead(until), actor, reason,
        ]), // prettier-ignore
      );
    }); // prettier-ignore
  asksApi(incidents.command('unsilence').description('ends a silence; what is open is told then'))
    .argument('<silence>')
    .action(async (id: string, _flags: unknown, command: Command) => {
      const { api, output } = contextOf(command);
      await api.delete<void>(`incidents/silences/${pathOf(id)}`);
      if (output.json) output.data({ id });
      else output.line(`Silence ${id} has ended`);
    });
  paged(asksApi(incidents.command('deliveries').description('lists what was sent to webhooks, newest first')))
    .option('--state <state>', 'pending, delivered, failed')
    .option('--endpoint <name>', 'name of the webhook')
    .action(async (flags: Record<string, string>, command: Command) => {
      const { api, output } = contextOf(command);
      const page = await api.get<Page<Delivery>>('incidents/deliveries', asked(flags, 'state', 'endpoint'));
      if (output.json) return output.data(page);
      output.table(
        ['DELIVERY', 'TO', 'EVENT', 'OF', 'STATE', 'MADE', 'ATTEMPTS', 'ANSWER', 'ERROR'],
        page.items.map(({ id, endpoint, event, incident, state, created_at, attempts, status, error }) => [
          id, endpoint, event, incident.subject, state, ago(created_at), attempts, status, error,
        ]), // prettier-ignore
      );
      if (page.next !== undefined) output.note(`There are more: --before ${page.next}`);
    });
  asksApi(incidents.command('resend').description('sends a delivery again, with the same id'))
    .argument('<delivery>')
    .action(async (id: string, _flags: unknown, command: Command) => {
      const { api, output } = contextOf(command);
      const delivery = await api.post<Delivery>(`incidents/deliveries/${pathOf(id)}/resend`);
      if (output.json) output.data(delivery);
      else output.line(`Delivery ${id} to ${delivery.endpoint} is sent again`);
    });
  for (const command of incidents.commands) command.copyInheritedSettings(program);
}

function paged(command: Command): Command {
  return command
    .option('--before <position>', '`next` of the page before')
    .option('--limit <n>', 'how many', wholeNumber(1, 1_000), 50);
}

/** The flags that are parameters of the request. */
function asked(flags: Record<string, string>, ...names: string[]): Record<string, string | undefined> {
  return Object.fromEntries([...names, 'before', 'limit'].map((name) => [name, flags[name]]));
}
