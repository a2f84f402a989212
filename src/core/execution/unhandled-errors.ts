import { Injectable, Logger } from '@nestjs/common';
import { messageOf } from '../text/describe-error.js';
import { runContextStorage } from '../worker/run-context.js';

/**
 * Names the run that has caused an unhandled error: a rejected promise that was not awaited, an exception in a
 * callback. Node then ends the process, with a stack that need not lead to any worker.
 *
 * Only listens: `uncaughtExceptionMonitor` changes nothing of what Node does, and Node calls it in the async context
 * in which the promise was made or the callback was scheduled. Outside of runs, nothing is logged. An application
 * that has a listener for `unhandledRejection` handles rejections itself, and Node reports them only there.
 */
@Injectable()
export class UnhandledErrors {
  /** Number of applications in this process that listen: each error is logged once. */
  private static listening = 0;
  private active = false;

  listen(): void {
    if (this.active) return;
    this.active = true;
    if (UnhandledErrors.listening++ === 0) process.on('uncaughtExceptionMonitor', nameRun);
  }

  stop(): void {
    if (!this.active) return;
    this.active = false;
    if (--UnhandledErrors.listening === 0) process.off('uncaughtExceptionMonitor', nameRun);
  }
}

const logger = new Logger('Workers');

function nameRun(error: unknown, origin: NodeJS.UncaughtExceptionOrigin): void {
  const run = runContextStorage.getStore();
  if (!run) return;
  const [what, fix] =
    origin === 'unhandledRejection'
      ? ['a promise of it that nobody awaits has rejected', 'Await it, or give it a .catch']
      : ['a callback of it has thrown', 'Catch the error there'];
  try {
    logger.error(
      `Unhandled error of worker "${run.worker}" (run ${run.runId}): ${what}: ${messageOf(error)}. ${fix}`,
    );
  } catch {
    // The application's logger has thrown. Node reports the error anyway.
  }
}
