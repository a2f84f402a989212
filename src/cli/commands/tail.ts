import { type Command } from 'commander';
import { asksApi, type Context, contextOf } from '../context.js';
import { shownDuration } from '../../core/text/shown-duration.js';
import { sleep } from '../../core/timing/timer.js';
import { CommandError, EXIT } from '../exit-codes.js';
import { liveEvents } from '../live-events.js';
import { type Run } from '../../core/dashboard/api-shapes.js';

/** Milliseconds until it tries again after the connection was lost. */
const RETRY = 2_000;

interface Change {
  runs: Run[];
  more: boolean;
}

/** `tail`. */
export function tailCommand(program: Command): void {
  asksApi(program.command('tail').description('prints runs as they start and end, until it is stopped'))
    .argument('[worker...]', 'only of these')
    .action((names: string[], _given: unknown, command: Command) => tail(contextOf(command), new Set(names)));
}

async function tail({ api, output }: Context, names: ReadonlySet<string>): Promise<void> {
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());
  let connected = false;
  while (!stopping.signal.aborted) {
    try {
      for await (const { event, data } of liveEvents(api, stopping.signal)) {
        if (event === 'snapshot' && !connected) {
          connected = true;
          output.note('Listening');
        }
        if (event !== 'change') continue;
        const { runs, more } = JSON.parse(data) as Change;
        for (const run of runs) if (names.size === 0 || names.has(run.worker)) print(output, run);
        if (more) output.note('There were more runs than are told');
      }
      if (!connected) throw new CommandError('The application begins no live stream', EXIT.unavailable);
    } catch (error) {
      // What never was there will not come.
      if (!connected && !stopping.signal.aborted) throw error;
      if (error instanceof CommandError && error.exitCode === EXIT.denied) throw error;
    }
    if (stopping.signal.aborted) return;
    output.note('The connection is lost: trying again');
    await sleep(RETRY, stopping.signal).catch(() => {});
  }
}

function print(output: Context['output'], run: Run): void {
  if (output.json) return output.record(run);
  const { id, worker, outcome, started_at, ended_at, error } = run;
  const took =
    ended_at === undefined ? '' : ` after ${shownDuration(Date.parse(ended_at) - Date.parse(started_at))}`;
  const said = error ? `: ${error.message}` : '';
  output.line(`${ended_at ?? started_at} ${worker} ${outcome}${took} ${id}${said}`.replaceAll('\n', ' '));
}
