import 'reflect-metadata';
import { startControlPlane } from './app/control-plane.js';
import { explain } from './app/expected-error.js';
import { startTimer } from './core/timing/timer.js';

/**
 * Milliseconds in which a repeated signal is the same one: started by npm in a terminal, Ctrl-C arrives twice, from the
 * terminal and passed on by npm. Nobody who has thought again is that quick.
 */
const SAME_SIGNAL = 1_000;

/** Milliseconds for a start that was interrupted to come to where it can be stopped in good order. */
const START_ENDS_WITHIN = 20_000;

let interruptedAt: number | undefined;
let stop: (() => Promise<void>) | undefined;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    if (interruptedAt !== undefined) {
      if (performance.now() - interruptedAt > SAME_SIGNAL) endAtOnce();
      return;
    }
    interruptedAt = performance.now();
    if (stop) void end(stop);
    // What it waits for may never come, such as the answer of a database that hangs.
    else startTimer(() => stop ?? endAtOnce(), START_ENDS_WITHIN, true);
  });

// A terminal that was closed, a pipe whose reader has gone: what is said then is lost, and the drain is not.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

try {
  ({ stop } = await startControlPlane());
  if (interruptedAt !== undefined) await end(stop);
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exit(1);
}

async function end(stop: () => Promise<void>): Promise<void> {
  process.stdout.write('Shutting down: runs in flight may end, then the database is stopped\n');
  try {
    await stop();
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`);
    process.exit(1);
  }
}

/** As a kill would: the next start takes over what is left, the embedded database among it. */
function endAtOnce(): never {
  process.stderr.write(
    'Ending at once: runs in flight are lost, and the next start takes over the database\n',
  );
  process.exit(1);
}
