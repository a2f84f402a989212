import { isMainThread } from 'node:worker_threads';
import { Injectable, Module } from '@nestjs/common';
import { Interval, type RunContext } from 'ctrlplane-workers';

@Injectable()
class Place {
  readonly name = `${process.pid} ${isMainThread ? 'main' : 'thread'}`;
}

/** Its class and its dependency are found by the Nest that the thread or process loads. */
@Injectable()
class Heavy {
  constructor(private readonly place: Place) {}

  @Interval('in-a-thread', 0, { isolate: 'thread' })
  inThread(context: RunContext): void {
    this.work(context);
  }

  @Interval('in-a-process', 0, { isolate: 'process' })
  inProcess(context: RunContext): void {
    this.work(context);
  }

  private work({ payload, progress }: RunContext): void {
    progress(1, 1, this.place.name);
    if (payload === 'crash') process.exit(3);
  }
}

@Module({ providers: [Place, Heavy] })
export class HeavyModule {}
