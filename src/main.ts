import 'reflect-metadata';
import { startControlPlane } from './app/control-plane.js';
import { explain } from './app/expected-error.js';

// Started by npm in a terminal, Ctrl-C arrives twice: from the terminal, and passed on by npm. So a repeated
// signal must not cut the drain short; its deadline bounds it.
let interrupted = false;
let stop: (() => Promise<void>) | undefined;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    if (interrupted) return;
    interrupted = true;
    if (stop) void end(stop);
  });

// A terminal that was closed, a pipe whose reader has gone: what is said then is lost, and the drain is not.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

try {
  ({ stop } = await startControlPlane());
  if (interrupted) await end(stop);
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
