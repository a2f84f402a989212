import { Inject, Injectable, type OnModuleInit, Optional } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Interval } from '../../core/worker/interval.decorator.js';
import { type RunContext } from '../../core/worker/run-context.js';
import { TimePartitions } from '../database/time-partitions.js';
import { EVENT_BUS_OPTIONS, type EventBusOptions } from './event-bus.options.js';

/** As the migration `EventPartitions` has made the first ones. */
const WIDTH = '7d';
/** Without a partition for now nothing that publishes could commit, so there are many. */
const AHEAD = '90d';

/** Makes weeks for the events to come, and drops those whose events are older than they are kept. */
@Injectable()
export class EventRetention implements OnModuleInit {
  private readonly partitions: TimePartitions;

  constructor(
    dataSource: DataSource,
    @Optional() @Inject(EVENT_BUS_OPTIONS) { keep = '30d', maxBytes }: EventBusOptions = {},
  ) {
    this.partitions = new TimePartitions(dataSource, {
      table: 'events',
      width: WIDTH,
      keep,
      ahead: AHEAD,
      ...(maxBytes !== undefined && { maxBytes }),
    });
  }

  /** Also in an application that has no workers. */
  async onModuleInit(): Promise<void> {
    await this.partitions.makeAhead();
  }

  @Interval('events_retention', '1h', {
    description: 'Drops events that are older than they are kept, and makes room for those to come',
    timeout: '5m',
  })
  async maintain({ signal, logger, metric }: RunContext): Promise<void> {
    const { made, dropped } = await this.partitions.maintain(signal);
    metric('made', made.length);
    metric('dropped', dropped.length);
    for (const { name, reason, to } of dropped)
      logger.log(`${name} is dropped for its ${reason}: events of before ${to.toISOString()}`);
  }
}
