import { Body, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiController } from '../http/api-controller.js';
import { RequestActor } from '../http/actor.js';
import { Documented } from '../http/openapi.js';
import { limit, QueryPipe, text } from '../http/query.pipe.js';
import { type Wire, type WirePage } from '../http/wire.js';
import { RunRecorder } from '../history/run.recorder.js';
import { UnknownRunError } from '../scheduler/scheduler.errors.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { type ByActor } from '../worker/actor.js';
import { cancellationOf } from './cancellation-body.js';
import { cancellationSchema, runPageSchema, runQuery, runSchema, startedSchema } from './openapi-schemas.js';
import { positionOf, queryOf, runFilters, type RunFilters, showRun, type ShownRun } from './shown-run.js';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Runs of all workers over HTTP. */
@ApiController('runs')
export class RunsController {
  constructor(
    private readonly scheduler: Scheduler,
    private readonly recorder: RunRecorder,
  ) {}

  /** Newest first, page by page. */
  @Get()
  @Documented({
    summary: 'Runs of all workers',
    query: { ...runQuery, worker: { type: 'string' } },
    answer: { description: 'A page, newest first', schema: runPageSchema },
  })
  async list(
    @Query(new QueryPipe({ limit: limit(), worker: text(), ...runFilters }))
    { limit: most, worker, ...filters }: RunFilters & { limit: number; worker?: string },
  ): Promise<WirePage<ShownRun>> {
    const query = { ...queryOf(filters), ...(worker !== undefined && { worker }) };
    const runs = await this.recorder.find({ ...query, limit: most });
    const last = runs.length === most ? runs.at(-1) : undefined;
    return { items: runs.map(showRun), ...(last && { next: positionOf(last) }) };
  }

  @Get(':id')
  @Documented({ summary: 'One run, with its log', answer: { description: 'The run', schema: runSchema } })
  async one(@Param('id') id: string): Promise<Wire<ShownRun>> {
    const [run] = UUID.test(id) ? await this.recorder.find({ id, limit: 1, withLog: true }) : [];
    if (!run) throw new UnknownRunError(id);
    return showRun(run);
  }

  /** Ends a run that is active or waiting. The answer does not wait for its end. */
  @Post(':id/cancel')
  @HttpCode(202)
  @Documented({
    summary: 'Cancels a run',
    body: { description: 'Who cancels it, and why', schema: cancellationSchema },
    answer: { status: 202, description: 'Its signal aborts; it has not ended yet', schema: startedSchema },
  })
  async cancel(
    @Param('id') id: string,
    @Body() body: unknown,
    @RequestActor() by: ByActor,
  ): Promise<{ run_id: string }> {
    await this.scheduler.cancel(id, { ...cancellationOf(body), ...by });
    return { run_id: id };
  }
}
