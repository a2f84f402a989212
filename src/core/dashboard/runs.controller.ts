import { Body, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiController } from '../http/api-controller.js';
import { RequestActor } from '../http/actor.js';
import { Documented } from '../http/openapi.js';
import { limit, QueryPipe, text } from '../http/query.pipe.js';
import { toWire, type Wire, type WirePage } from '../http/wire.js';
import { type KnownReplica } from '../history/replica.js';
import { type Run } from '../history/run.js';
import { RunRecorder } from '../history/run.recorder.js';
import { ScheduledRunError } from '../scheduler/scheduler.errors.js';
import { isUuid } from '../text/uuid.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { type ByActor } from '../worker/actor.js';
import { cancellationOf } from './cancellation-body.js';
import { PayloadNotKeptError } from './payload-not-kept.error.js';
import {
  cancellationSchema,
  runPageSchema,
  runQuery,
  startedSchema,
  upcomingQuery,
  upcomingSchema,
  wholeRunSchema,
} from './openapi-schemas.js';
import { pageOfRuns } from './run-page.js';
import { RunNotRecordedError } from './run-not-recorded.error.js';
import { queryOf, runFilters, type RunFilters, showRun, type ShownRun } from './shown-run.js';
import { workersNow } from './shown-worker.js';
import { type UpcomingRun, upcomingRuns } from './upcoming-runs.js';
import {
  answerWith,
  endedAnswer,
  type HasStatus,
  type StartedRun,
  waitQuery,
  waitTime,
} from './waited-run.js';

/** A run, with host and process of its replica if known. */
type WholeRun = Wire<ShownRun> & { ran_on?: Wire<KnownReplica> };

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
    const query = { ...queryOf(filters), ...(worker !== undefined && { worker }), limit: most };
    return pageOfRuns(this.recorder, query);
  }

  /** The next runs of all workers that are not stopped, paused or ended. */
  @Get('upcoming')
  @Documented({
    summary: 'The next runs of all workers',
    query: upcomingQuery,
    answer: { description: 'Soonest first', schema: upcomingSchema },
  })
  async upcoming(
    @Query(new QueryPipe({ limit: limit() })) { limit: most }: { limit: number },
  ): Promise<{ items: UpcomingRun[] }> {
    const { workers } = await workersNow(this.scheduler);
    return { items: upcomingRuns(this.scheduler, workers, most) };
  }

  /** One run, with its log, its payload, and host and process of its replica. */
  @Get(':id')
  @Documented({
    summary: 'One run, with its log, payload and replica',
    answer: { description: 'The run', schema: wholeRunSchema },
  })
  async one(@Param('id') id: string): Promise<WholeRun> {
    const run = await this.known(id);
    const [replica] = await this.recorder.replicas({ id: run.replica, limit: 1 });
    return { ...showRun(run), ...(replica && { ran_on: toWire(replica) }) };
  }

  /** Cancels an active or waiting run. The answer does not wait for its end. */
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

  /** Starts another run of the same worker with the payload of this one. */
  @Post(':id/rerun')
  @HttpCode(202)
  @Documented({
    summary: 'Starts a run with the payload of this one',
    query: waitQuery,
    answer: { status: 202, description: 'The new run has begun, or waits', schema: startedSchema },
    otherAnswer: endedAnswer,
  })
  async rerun(
    @Param('id') id: string,
    @RequestActor() by: ByActor,
    @Query(new QueryPipe({ wait: waitTime() })) { wait }: { wait: number | undefined },
    @Res({ passthrough: true }) response: HasStatus,
  ): Promise<StartedRun> {
    const { worker, key, payload, payloadOmitted } = await this.known(id);
    if (key !== undefined) throw new ScheduledRunError(id, worker, key);
    if (payloadOmitted) throw new PayloadNotKeptError(id);
    return answerWith(await this.scheduler.trigger(worker, payload, by), wait, response);
  }

  private async known(id: string): Promise<Run> {
    const [run] = isUuid(id) ? await this.recorder.find({ id, limit: 1, withLog: true }) : [];
    if (!run) throw new RunNotRecordedError(id);
    return run;
  }
}
