import { Body, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { cancellationOf } from '../../core/dashboard/cancellation-body.js';
import { cancellationSchema } from '../../core/dashboard/openapi-schemas.js';
import { OUTCOMES } from '../../core/dashboard/shown-run.js';
import { RequestActor } from '../../core/http/actor.js';
import { ApiController } from '../../core/http/api-controller.js';
import { DashboardTab } from '../../core/http/dashboard-tab.js';
import { Documented } from '../../core/http/openapi.js';
import { limit, oneOf, QueryPipe, text } from '../../core/http/query.pipe.js';
import { toWire, toWirePage, type Wire, type WirePage } from '../../core/http/wire.js';
import { type ByActor } from '../../core/worker/actor.js';
import { InvalidInputError } from '../input/input.errors.js';
import { type Schedule, SCHEDULE_STATES, type ScheduleState } from './schedule.js';
import { type HandlerCounts } from './schedule.store.js';
import { UnknownScheduleError } from './schedule.errors.js';
import { cancelAnswer, DOCS } from './schedules.openapi.js';
import { Schedules } from './schedules.service.js';

/** A handler as the page lists it. */
type ShownHandler = HandlerCounts & { id: string; state: 'known' | 'unknown' };

/** The schedules of all handlers, each handler one line. What a payload holds is shown of one schedule alone. */
@ApiController('schedules')
@DashboardTab({
  id: 'schedules',
  title: 'Schedules',
  description: 'Stored schedules by their handler. A handler is unknown when no replica has it.',
  empty: 'Nothing is scheduled yet.',
  path: 'schedules/handlers',
  // All schedules are counted.
  refresh: 10_000,
  columns: [
    { key: 'handler', title: 'handler' },
    { key: 'state', title: 'state', kind: 'state' },
    { key: 'schedules', title: 'schedules', kind: 'number' },
    { key: 'running', title: 'running', kind: 'number' },
    { key: 'failing', title: 'failing', kind: 'number' },
    { key: 'overdue', title: 'overdue', kind: 'number' },
    { key: 'paused', title: 'paused', kind: 'number' },
    { key: 'ended', title: 'ended', kind: 'number' },
    { key: 'runs', title: 'runs', kind: 'number' },
    { key: 'failures', title: 'failures', kind: 'number' },
    { key: 'missed', title: 'missed', kind: 'number' },
    { key: 'next_run', title: 'next run', kind: 'instant' },
  ],
  item: [
    {
      kind: 'list',
      title: 'Schedules',
      path: 'schedules?handler=:id',
      filters: [
        { name: 'key_prefix', title: 'key begins with' },
        { name: 'state', title: 'state', values: SCHEDULE_STATES },
      ],
      columns: [
        { key: 'key', title: 'key' },
        { key: 'group', title: 'group' },
        { key: 'state', title: 'state', kind: 'state' },
        { key: 'next_run', title: 'next run', kind: 'instant' },
        { key: 'last_outcome', title: 'last run', kind: 'state' },
        { key: 'last_started_at', title: 'started', kind: 'instant' },
        { key: 'consecutive_failures', title: 'failures in a row', kind: 'number' },
        { key: 'runs', title: 'runs', kind: 'number' },
        { key: 'last_error', title: 'error' },
      ],
      actions: [
        {
          title: 'Run now',
          path: 'schedules/:handler/:key/trigger',
          question: 'Run this schedule now, beside its slots?',
        },
        {
          title: 'Cancel run',
          path: 'schedules/:handler/:key/cancel',
          question: 'End the active run of schedule :key? It is not tried again.',
          when: { key: 'state', values: ['running'] },
        },
        {
          title: 'Pause',
          path: 'schedules/:handler/:key/pause',
          question: 'Run no slot of this schedule until it is resumed?',
          when: { key: 'state', values: ['active', 'running'] },
        },
        {
          title: 'Resume',
          path: 'schedules/:handler/:key/resume',
          question: 'Run this schedule again, from its next slot on?',
          when: { key: 'state', values: ['paused'] },
        },
        {
          title: 'Remove',
          path: 'schedules/:handler/:key',
          method: 'DELETE',
          question: 'Remove schedule :key with its counts?',
        },
      ],
    },
    {
      kind: 'list',
      title: 'Runs',
      path: 'runs?worker=:id',
      pageBy: 'before',
      empty: 'No run is recorded.',
      filters: [
        { name: 'key', title: 'key' },
        { name: 'outcome', title: 'outcome', values: OUTCOMES },
      ],
      columns: [
        { key: 'key', title: 'key' },
        { key: 'started_at', title: 'started', kind: 'instant' },
        { key: 'outcome', title: 'outcome', kind: 'state' },
        { key: 'trigger', title: 'trigger' },
        { key: 'attempt', title: 'attempt', kind: 'number' },
        { key: 'slot', title: 'slot', kind: 'instant' },
        { key: 'lateness_ms', title: 'late', kind: 'duration' },
        { key: 'error.message', title: 'error' },
      ],
    },
  ],
})
export class SchedulesController {
  constructor(private readonly schedules: Schedules) {}

  @Get()
  @Documented(DOCS.list)
  async list(
    @Query(
      new QueryPipe({
        handler: text(),
        key_prefix: text(),
        state: oneOf(...SCHEDULE_STATES),
        limit: limit(),
        after: text(),
      }),
    )
    { key_prefix, ...query }: ListQuery,
  ): Promise<WirePage<Omit<Schedule, 'payload'>>> {
    const { items, next } = await this.schedules.list({ ...query, keyPrefix: key_prefix });
    return toWirePage({
      items: items.map(({ payload: _, ...shown }) => shown),
      ...(next !== undefined && { next }),
    });
  }

  @Get('handlers')
  @Documented(DOCS.handlers)
  async handlers(): Promise<{ items: Wire<ShownHandler>[] }> {
    const handlers = await this.schedules.handlers();
    return {
      items: handlers.map((counts) =>
        toWire({ id: counts.handler, state: counts.known ? 'known' : 'unknown', ...counts } as ShownHandler),
      ),
    };
  }

  @Get(':handler/:key')
  @Documented(DOCS.show)
  async show(
    @Param('handler') handler: string,
    @Param('key') key: string,
  ): Promise<Wire<Schedule> & { upcoming: string[] }> {
    const schedule = await this.shown(handler, key);
    // What its row says is shown all the same.
    const upcoming = await this.schedules.preview({ handler, key }, 5).catch((error: unknown) => {
      if (error instanceof InvalidInputError) return [];
      throw error;
    });
    return { ...schedule, upcoming: upcoming.map((date) => date.toISOString()) };
  }

  @Post(':handler/:key/pause')
  @HttpCode(200)
  @Documented(DOCS.pause)
  async pause(@Param('handler') handler: string, @Param('key') key: string): Promise<Wire<Schedule>> {
    await this.schedules.pause(handler, key);
    return this.shown(handler, key);
  }

  @Post(':handler/:key/resume')
  @HttpCode(200)
  @Documented(DOCS.resume)
  async resume(@Param('handler') handler: string, @Param('key') key: string): Promise<Wire<Schedule>> {
    await this.schedules.resume(handler, key);
    return this.shown(handler, key);
  }

  @Post(':handler/:key/trigger')
  @HttpCode(202)
  @Documented(DOCS.trigger)
  async trigger(
    @Param('handler') handler: string,
    @Param('key') key: string,
    @RequestActor() actor: ByActor,
  ): Promise<Wire<Schedule>> {
    await this.schedules.trigger(handler, key, actor);
    return this.shown(handler, key);
  }

  /** Ends the active run. The answer does not wait for its end. */
  @Post(':handler/:key/cancel')
  @HttpCode(202)
  @Documented({
    summary: 'Cancels the active run of a schedule, on whichever replica that is',
    body: { description: 'Who cancels it, and why', schema: cancellationSchema },
    answer: cancelAnswer,
  })
  async cancel(
    @Param('handler') handler: string,
    @Param('key') key: string,
    @Body() body: unknown,
    @RequestActor() actor: ByActor,
  ): Promise<Wire<Schedule>> {
    await this.schedules.cancel(handler, key, { ...cancellationOf(body), ...actor });
    return this.shown(handler, key);
  }

  @Delete(':handler/:key')
  @Documented(DOCS.remove)
  async remove(@Param('handler') handler: string, @Param('key') key: string): Promise<{ removed: true }> {
    if (!(await this.schedules.remove(handler, key))) throw new UnknownScheduleError(handler, key);
    return { removed: true };
  }

  private async shown(handler: string, key: string): Promise<Wire<Schedule>> {
    const schedule = await this.schedules.get(handler, key);
    if (!schedule) throw new UnknownScheduleError(handler, key);
    return toWire(schedule);
  }
}

interface ListQuery {
  handler: string | undefined;
  key_prefix: string | undefined;
  state: ScheduleState | undefined;
  limit: number;
  after: string | undefined;
}
