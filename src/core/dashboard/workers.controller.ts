import { Body, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiController } from '../http/api-controller.js';
import { RequestActor } from '../http/actor.js';
import { Documented } from '../http/openapi.js';
import { limit, QueryPipe } from '../http/query.pipe.js';
import { type Wire } from '../http/wire.js';
import { RunRecorder } from '../history/run.recorder.js';
import { UnknownWorkerError } from '../registry/worker.errors.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { type ByActor } from '../worker/actor.js';
import { runQuery, runsSchema, startedSchema, workerSchema } from './openapi-schemas.js';
import { queryOf, runFilters, type RunFilters, showRun, type ShownRun } from './shown-run.js';
import { showWorker, type ShownWorker, workersNow } from './shown-worker.js';

const SOURCE_HEADER = 'X-Workers-Source';

/** A response of Express or of Fastify. */
interface HasHeaders {
  header(name: string, value: string): unknown;
}

/** Workers and their runs over HTTP. */
@ApiController('workers')
export class WorkersController {
  constructor(
    private readonly scheduler: Scheduler,
    private readonly recorder: RunRecorder,
  ) {}

  /**
   * The cluster's, if there is one; while that cannot be reached, what this replica knows. The header `X-Workers-Source`
   * says which, and `source` of each worker.
   */
  @Get()
  @Documented({
    summary: 'All workers',
    answer: { description: 'By name', schema: { type: 'array', items: workerSchema } },
  })
  async list(@Res({ passthrough: true }) response: HasHeaders): Promise<Wire<ShownWorker>[]> {
    const { source, workers } = await workersNow(this.scheduler);
    response.header(SOURCE_HEADER, source);
    return workers.map(showWorker);
  }

  @Get(':name')
  @Documented({ summary: 'One worker', answer: { description: 'The worker', schema: workerSchema } })
  async one(@Param('name') name: string): Promise<Wire<ShownWorker>> {
    const known = this.known(name);
    const { workers } = await workersNow(this.scheduler);
    return showWorker(workers.find((worker) => worker.name === name) ?? { ...known, source: 'replica' });
  }

  /** Newest first. */
  @Get(':name/runs')
  @Documented({
    summary: 'Runs of a worker',
    query: runQuery,
    answer: { description: 'Newest first', schema: runsSchema },
  })
  async runs(
    @Param('name') name: string,
    @Query(new QueryPipe({ limit: limit(), ...runFilters }))
    { limit: most, ...filters }: RunFilters & { limit: number },
  ): Promise<Wire<ShownRun>[]> {
    const { name: worker } = this.known(name);
    const runs = await this.recorder.find({ ...queryOf(filters), worker, limit: most });
    return runs.map(showRun);
  }

  /** Starts a run now. The request's body is its payload; the answer does not wait for its end. */
  @Post(':name/trigger')
  @HttpCode(202)
  @Documented({
    summary: 'Starts a run now',
    body: { description: 'The payload of the run: any JSON', schema: {} },
    answer: { status: 202, description: 'The run has begun, or waits', schema: startedSchema },
  })
  async trigger(
    @Param('name') name: string,
    @Body() payload: unknown,
    @RequestActor() by: ByActor,
  ): Promise<{ run_id: string }> {
    const { runId } = await this.scheduler.trigger(name, payload, by);
    return { run_id: runId };
  }

  /** Its slots count for nothing until it is resumed; an active run goes on. */
  @Post(':name/pause')
  @HttpCode(200)
  @Documented({ summary: 'Pauses a worker', answer: { description: 'The worker', schema: workerSchema } })
  async pause(@Param('name') name: string, @RequestActor() by: ByActor): Promise<Wire<ShownWorker>> {
    await this.scheduler.pause(name, by);
    return this.one(name);
  }

  @Post(':name/resume')
  @HttpCode(200)
  @Documented({ summary: 'Resumes a worker', answer: { description: 'The worker', schema: workerSchema } })
  async resume(@Param('name') name: string, @RequestActor() by: ByActor): Promise<Wire<ShownWorker>> {
    await this.scheduler.resume(name, by);
    return this.one(name);
  }

  private known(name: string) {
    const worker = this.scheduler.workerByName(name);
    if (worker) return worker;
    throw new UnknownWorkerError(
      name,
      this.scheduler.workers().map((known) => known.name),
    );
  }
}
