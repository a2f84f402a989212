import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit, Optional } from '@nestjs/common';
import { AsyncResource } from 'node:async_hooks';
import { ShutdownDeadline } from '../../core/scheduler/shutdown-deadline.js';
import { atMost } from '../../core/timing/at-most.js';
import { SystemClock } from '../../core/timing/clock.js';
import { requireCrossTenant, requireTenantAccess } from '../auth/claims.js';
import { cutPage, mapPage, type Page, pageLimit } from '../database/page.js';
import { Transactions } from '../database/transaction.js';
import { parseId } from '../ids/typed-id.js';
import { parseInput, shown } from '../input/input.js';
import { InvalidInputError } from '../input/input.errors.js';
import { EVENT_BUS_OPTIONS, type EventBusOptions } from './event-bus.options.js';
import { EventBus, type EventHandler, type RecentEventsQuery, type Unsubscribe } from './event-bus.js';
import { eventType, type NewEvent, type StoredEvent } from './event.js';
import { EventLog } from './event.log.js';
import { Subscription } from './subscription.js';

/** Milliseconds for subscriptions to end what they are at. */
const END_WITHIN = 2_000;

const CURSOR = /^[1-9]\d{0,17}$/;

/**
 * Events as rows of one table, which every replica polls while it has subscribers. An event published here is
 * delivered here at once after its commit. No LISTEN: that needs a connection of its own, and does not work
 * behind PgBouncer in transaction mode.
 */
@Injectable()
export class PostgresEventBus extends EventBus implements OnModuleInit, OnModuleDestroy {
  private readonly subscriptions = new Set<Subscription>();

  /** Handlers run in this scope, not in that of the subscriber: without its transaction and claims. */
  private readonly scope = new AsyncResource('EventBus');

  constructor(
    private readonly log: EventLog,
    private readonly transactions: Transactions,
    @Optional() @Inject(EVENT_BUS_OPTIONS) private readonly options: EventBusOptions = {},
    @Optional() private readonly shutdown?: ShutdownDeadline,
  ) {
    super();
  }

  async onModuleInit(): Promise<void> {
    await this.log.retireRestored();
  }

  async publish(event: NewEvent): Promise<StoredEvent> {
    parseInput('event type', eventType, event.type);
    if (event.tenantId !== undefined) parseId('tenant', event.tenantId);
    await this.anchorNewSubscriptions();
    const stored = await this.log.append(event);
    this.transactions.afterCommit(() => this.nudge());
    return stored;
  }

  subscribe(types: string | readonly string[], handler: EventHandler): Unsubscribe {
    const wanted =
      types === '*' ? null : [types].flat().map((type) => parseInput('event type', eventType, type));
    const subscription = new Subscription(this.log, wanted, handler, this.options.pollInterval ?? 1_000);
    this.subscriptions.add(subscription);
    this.scope.runInAsyncScope(() => void subscription.run());
    return () => {
      this.subscriptions.delete(subscription);
      void subscription.stop();
    };
  }

  async recent({ type, tenantId, limit, before }: RecentEventsQuery = {}): Promise<Page<StoredEvent>> {
    if (tenantId === undefined) requireCrossTenant();
    else requireTenantAccess(tenantId);
    if (type !== undefined) parseInput('event type', eventType, type);
    if (before !== undefined && !CURSOR.test(before)) {
      throw new InvalidInputError('page', [`before: ${shown(before)} is not the \`next\` of a page`]);
    }
    const most = pageLimit(limit);
    const filter = { type, tenantId, before: before === undefined ? undefined : BigInt(before) };
    const found = await this.log.newest(filter, most + 1);
    return mapPage(
      cutPage(found, most, ({ seq }) => seq.toString()),
      ({ event }) => event,
    );
  }

  /** Nest waits for this before anything is drained: a database that does not answer must not hold that up. */
  async onModuleDestroy(): Promise<void> {
    const ending = [...this.subscriptions];
    this.subscriptions.clear();
    const stopped = Promise.all(ending.map((subscription) => subscription.stop()));
    const within = this.shutdown?.begin().left(END_WITHIN) ?? END_WITHIN;
    await atMost(within, stopped, new SystemClock());
  }

  /**
   * `subscribe` returns before it has asked the database which events are old. One published here in the
   * meantime is news: so whoever publishes asks first, on its own connection (waiting for another could
   * exhaust the pool), and the earliest answer counts.
   */
  private async anchorNewSubscriptions(): Promise<void> {
    const waiting = [...this.subscriptions].filter(({ anchored }) => !anchored);
    if (!waiting.length) return;
    const now = await this.log.snapshot();
    for (const subscription of waiting) subscription.anchor(now);
  }

  private nudge(): void {
    for (const subscription of this.subscriptions) subscription.nudge();
  }
}
