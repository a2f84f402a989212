import {
  Body,
  Get,
  HttpCode,
  Param,
  Post,
  Query,
  Req,
  Res,
  UnsupportedMediaTypeException,
} from '@nestjs/common';
import { ApiController } from '../http/api-controller.js';
import { RequestActor } from '../http/actor.js';
import { Documented } from '../http/openapi.js';
import { limit, QueryPipe } from '../http/query.pipe.js';
import { type Wire, type WirePage } from '../http/wire.js';
import { RunRecorder } from '../history/run.recorder.js';
import { UnknownWorkerError } from '../registry/worker.errors.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { type ByActor } from '../worker/actor.js';
import { type BulkChange, changeEach } from './bulk-change.js';
import {
  bulkSchema,
  runPageSchema,
  runQuery,
  startedSchema,
  upcomingQuery,
  upcomingSchema,
  workerSchema,
  wholeWorkerSchema,
} from './openapi-schemas.js';
import { pageOfRuns } from './run-page.js';
import { scheduleOf, scheduleSchema } from './schedule-body.js';
import { showDefinition, type ShownDefinition } from './shown-definition.js';
import { queryOf, runFilters, type RunFilters, type ShownRun } from './shown-run.js';
import { showWorker, type ShownWorker, workersNow } from './shown-worker.js';
import { slotsOf, type UpcomingRun } from './upcoming-runs.js';
import {
  answerWith,
  endedAnswer,
  type HasStatus,
  type StartedRun,
  waitQuery,
  waitTime,
} from './waited-run.js';
import {
  bulkFilters,
  type BulkFilters,
  bulkQuery,
  matches,
  requireNarrowed,
  workerFilters,
  type WorkerFilters,
  workerQuery,
} from './worker-filters.js';

const SOURCE_HEADER = 'X-Workers-Source';

/** A response of Express or of Fastify. */
interface HasHeaders {
  header(name: string, value: string): unknown;
}

/** A request of Express or of Fastify. */
interface HasBody {
  readonly headers: Readonly<Record<string, string | undefined>>;
}

type WholeWorker = Wire<ShownWorker> & { definition: ShownDefinition };

/** Workers and their runs over HTTP. */
@ApiController('workers')
export class WorkersController {
  constructor(
    private readonly scheduler: Scheduler,
    private readonly recorder: RunRecorder,
  ) {}

  /**
   * The workers of the cluster, if there is one; while it cannot be reached, what this replica knows. The header
   * `X-Workers-Source` and the `source` of each worker say which.
   */
  @Get()
  @Documented({
    summary: 'All workers, or those that match',
    query: workerQuery,
    answer: { description: 'By name', schema: { type: 'array', items: workerSchema } },
  })
  async list(
    @Query(new QueryPipe(workerFilters)) filters: WorkerFilters,
    @Res({ passthrough: true }) response: HasHeaders,
  ): Promise<Wire<ShownWorker>[]> {
    const { source, workers } = await workersNow(this.scheduler);
    response.header(SOURCE_HEADER, source);
    return workers.filter((worker) => matches(filters, worker)).map(showWorker);
  }

  /** Changes all workers that match; without filters `all=true` is required. */
  @Post('pause')
  @HttpCode(200)
  @Documented({
    summary: 'Pauses all workers that match',
    query: bulkQuery,
    answer: { description: 'Which are paused now, and which could not be', schema: bulkSchema },
  })
  pauseAll(
    @Query(new QueryPipe(bulkFilters)) filters: BulkFilters,
    @RequestActor() by: ByActor,
  ): Promise<BulkChange> {
    return this.changeAll(filters, (name) => this.scheduler.pause(name, by));
  }

  @Post('resume')
  @HttpCode(200)
  @Documented({
    summary: 'Resumes all workers that match',
    query: bulkQuery,
    answer: { description: 'Which are resumed now, and which could not be', schema: bulkSchema },
  })
  resumeAll(
    @Query(new QueryPipe(bulkFilters)) filters: BulkFilters,
    @RequestActor() by: ByActor,
  ): Promise<BulkChange> {
    return this.changeAll(filters, (name) => this.scheduler.resume(name, by));
  }

  /** One worker, with its definition. */
  @Get(':name')
  @Documented({
    summary: 'One worker, with its definition',
    answer: { description: 'The worker', schema: wholeWorkerSchema },
  })
  async one(@Param('name') name: string): Promise<WholeWorker> {
    return { ...(await this.info(name)), definition: showDefinition(this.scheduler, name) };
  }

  /** Newest first, page by page. */
  @Get(':name/runs')
  @Documented({
    summary: 'Runs of a worker',
    query: runQuery,
    answer: { description: 'A page, newest first', schema: runPageSchema },
  })
  async runs(
    @Param('name') name: string,
    @Query(new QueryPipe({ limit: limit(), ...runFilters }))
    { limit: most, ...filters }: RunFilters & { limit: number },
  ): Promise<WirePage<ShownRun>> {
    const { name: worker } = this.known(name);
    return pageOfRuns(this.recorder, { ...queryOf(filters), worker, limit: most });
  }

  /** Its next slots, also while it is not running. */
  @Get(':name/upcoming')
  @Documented({
    summary: 'The next slots of a worker',
    query: upcomingQuery,
    answer: {
      description: 'Soonest first; none where the next depends on the end of a run',
      schema: upcomingSchema,
    },
  })
  upcoming(
    @Param('name') name: string,
    @Query(new QueryPipe({ limit: limit(10) })) { limit: most }: { limit: number },
  ): { items: UpcomingRun[] } {
    return { items: slotsOf(this.scheduler, name, most) };
  }

  /**
   * Starts a run now. The request's body is its payload. With `wait` the answer is the run, if it ends within that time.
   */
  @Post(':name/trigger')
  @HttpCode(202)
  @Documented({
    summary: 'Starts a run now',
    query: waitQuery,
    body: { description: 'The payload of the run: any JSON', schema: {} },
    answer: { status: 202, description: 'The run has begun, or waits', schema: startedSchema },
    otherAnswer: endedAnswer,
  })
  async trigger(
    @Param('name') name: string,
    @Body() payload: unknown,
    @RequestActor() by: ByActor,
    @Query(new QueryPipe({ wait: waitTime() })) { wait }: { wait: number | undefined },
    @Req() request: HasBody,
    @Res({ passthrough: true }) response: HasStatus,
  ): Promise<StartedRun> {
    if (payload === undefined) refuseUnread(request);
    return answerWith(await this.scheduler.trigger(name, payload, by), wait, response);
  }

  /** Until it is resumed, slots are neither run nor counted; an active run continues. */
  @Post(':name/pause')
  @HttpCode(200)
  @Documented({ summary: 'Pauses a worker', answer: { description: 'The worker', schema: workerSchema } })
  async pause(@Param('name') name: string, @RequestActor() by: ByActor): Promise<Wire<ShownWorker>> {
    await this.scheduler.pause(name, by);
    return this.info(name);
  }

  @Post(':name/resume')
  @HttpCode(200)
  @Documented({ summary: 'Resumes a worker', answer: { description: 'The worker', schema: workerSchema } })
  async resume(@Param('name') name: string, @RequestActor() by: ByActor): Promise<Wire<ShownWorker>> {
    await this.scheduler.resume(name, by);
    return this.info(name);
  }

  /** Until the process ends, or with coordination until the schedule in the code changes. */
  @Post(':name/reschedule')
  @HttpCode(200)
  @Documented({
    summary: 'Gives a worker another schedule',
    body: { description: 'An interval, a cron expression or an instant', schema: scheduleSchema },
    answer: { description: 'The worker', schema: wholeWorkerSchema },
  })
  async reschedule(
    @Param('name') name: string,
    @Body() body: unknown,
    @RequestActor() by: ByActor,
  ): Promise<WholeWorker> {
    this.known(name);
    await this.scheduler.reschedule(name, scheduleOf(body), by);
    return this.one(name);
  }

  private async changeAll(
    filters: BulkFilters,
    change: (name: string) => Promise<unknown>,
  ): Promise<BulkChange> {
    requireNarrowed(filters);
    const { workers } = await workersNow(this.scheduler);
    const names = workers.filter((worker) => matches(filters, worker)).map(({ name }) => name);
    return changeEach(names, change);
  }

  private async info(name: string): Promise<Wire<ShownWorker>> {
    const known = this.known(name);
    const { workers } = await workersNow(this.scheduler);
    return showWorker(workers.find((worker) => worker.name === name) ?? { ...known, source: 'replica' });
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

/** Express passes by what is not JSON: the run would begin without the payload that was sent. @throws UnsupportedMediaTypeException */
function refuseUnread({ headers }: HasBody): void {
  const { 'content-length': length, 'content-type': type, 'transfer-encoding': encoding } = headers;
  if (!(Number(length) > 0) && (encoding === undefined || type === undefined)) return;
  throw new UnsupportedMediaTypeException('The payload is JSON: send it with Content-Type: application/json');
}
