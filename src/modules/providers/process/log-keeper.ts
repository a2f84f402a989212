import { startTicking, type Timer } from '../../../core/timing/timer.js';
import { type InstanceId } from '../../ids/typed-id.js';
import { type InstanceDirectory } from './instance-directory.js';
import { type KeyedQueue } from '../keyed-queue.js';
import { rotateLog } from './log-rotation.js';

/** Milliseconds between two looks at the size of the logs. */
const LOG_LOOK = 2_000;

/** Keeps the logs of all instances below a size, for as long as this process runs. */
export class LogKeeper {
  private timer?: Timer;
  private looking = false;

  /**
   * @param queue what changes an instance: nothing does while its log is rotated
   * @param limit bytes above which a log is rotated
   */
  constructor(
    private readonly instances: { all(): Promise<Pick<InstanceDirectory, 'id' | 'log'>[]> },
    private readonly queue: Pick<KeyedQueue<InstanceId>, 'run'>,
    private readonly limit: number,
  ) {}

  start(): void {
    this.timer ??= startTicking(() => void this.look(), LOG_LOOK, true);
  }

  /** One look at all logs. What cannot be rotated now is rotated by a later look: the directory may be gone, the disk full. */
  async look(): Promise<void> {
    if (this.looking) return;
    this.looking = true;
    try {
      for (const { id, log } of await this.instances.all())
        await this.queue.run(id, () => rotateLog(log, this.limit)).catch(() => undefined);
    } catch {
      // The same.
    } finally {
      this.looking = false;
    }
  }
}
