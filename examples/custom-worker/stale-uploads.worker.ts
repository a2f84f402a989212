import { Injectable } from '@nestjs/common';
import { Interval, type RunContext } from 'ctrlplane-workers';
import { Uploads } from './uploads.js';

const HOUR = 3_600_000;

@Injectable()
export class StaleUploadsWorker {
  constructor(private readonly uploads: Uploads) {}

  /** Whatever it throws fails this run, is recorded, and is tried again at the next slot. */
  @Interval('stale_uploads', '10s', { timeout: '5s', runOnStart: true })
  async sweep({ signal, progress, logger }: RunContext): Promise<void> {
    const paths = await this.uploads.list();
    let removed = 0;
    for (const [index, path] of paths.entries()) {
      // At the timeout, and at a shutdown that does not want to wait: what is left is left to the next run.
      signal.throwIfAborted();
      if ((await this.uploads.age(path)) > HOUR) {
        await this.uploads.remove(path);
        removed++;
      }
      progress(index + 1, paths.length);
    }
    logger.log(`Removed ${removed} of ${paths.length} uploads`);
  }
}
