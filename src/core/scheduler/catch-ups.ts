import { type LoggerService } from '@nestjs/common';
import { type RunRecorder } from '../history/run.recorder.js';
import { storeTiming } from '../registry/stored-timing.js';
import { type WorkerDefinition } from '../registry/worker-definition.js';
import { messageOf } from '../text/describe-error.js';
import { WorkerLoop } from './local/worker-loop.js';
import { type Loop } from './loop.js';

/** Tells loops their last slot before the start. In a cluster the worker's record has it. */
export class CatchUps {
  /** Loops that were registered while the scheduler runs, and whose last slot was not read yet. */
  private readonly behind: Loop[] = [];
  private asking?: Promise<void>;

  constructor(
    private readonly recorder: Pick<RunRecorder, 'lastSlots'>,
    private readonly logger: Required<Pick<LoggerService, 'error'>>,
  ) {}

  /** One query for all loops that are registered in one turn of the event loop, or during the query before. */
  soon(loop: Loop): void {
    if (!countsSlots(loop)) return;
    this.behind.push(loop);
    this.asking ??= this.askForAll().finally(() => (this.asking = undefined));
  }

  /** Runs beside the start, which does not wait for a database. */
  async of(loops: readonly Loop[]): Promise<void> {
    const own = loops.filter(countsSlots);
    if (own.length === 0) return;
    try {
      const timings = new Map(
        own.map(({ definition }) => [definition.name, storeTiming(definition.every, definition)]),
      );
      const lastSlots = await this.recorder.lastSlots([...timings.keys()], timings);
      for (const loop of own) {
        const lastSlot = lastSlots.get(loop.definition.name);
        if (lastSlot) loop.catchUp(lastSlot.getTime());
      }
    } catch (error) {
      this.logger.error(
        `Missed slots cannot be caught up, as the history cannot be read: ${messageOf(error)}`,
      );
    }
  }

  private async askForAll(): Promise<void> {
    await undefined;
    while (this.behind.length > 0) await this.of(this.behind.splice(0));
  }
}

function countsSlots(loop: Loop): loop is WorkerLoop {
  return loop instanceof WorkerLoop && !countsFromStart(loop.definition);
}

/** A delay from the start of the process has no slots in an earlier process, so none was missed. */
function countsFromStart({ every }: WorkerDefinition): boolean {
  return typeof every === 'object' && 'after' in every;
}
