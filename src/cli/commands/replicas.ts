import { type Command } from 'commander';
import { asksApi, contextOf, wholeNumber } from '../context.js';
import { ago } from '../output.js';
import { type Replica } from '../../core/dashboard/api-shapes.js';

/** `replicas`. */
export function replicasCommand(program: Command): void {
  asksApi(program.command('replicas').description('lists the processes of the application'))
    .option('--all', 'those that are gone as well')
    .option('--limit <n>', 'how many', wholeNumber(1, 1_000), 50)
    .action(async ({ all = false, limit }: { all?: boolean; limit: number }, command: Command) => {
      const { api, output } = contextOf(command);
      const { items } = await api.get<{ items: Replica[] }>('replicas', { alive: !all, limit });
      if (output.json) return output.data(items);
      output.table(
        ['REPLICA', 'HOST', 'PID', 'STARTED', 'RELEASE', 'ALIVE'],
        items.map(({ id, host, pid, started_at, release, alive }) => [
          id,
          host,
          pid,
          ago(started_at),
          release,
          alive ? 'yes' : 'no',
        ]),
      );
    });
}
