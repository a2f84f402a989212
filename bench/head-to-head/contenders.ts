import { type RunContext } from 'ctrlplane-workers';

/** One process of three that run the same job. */
export interface Member {
  /** Of a database that is the contender's alone. */
  readonly postgres: string;
  readonly redis: string;
  /** Whether it is the first process, before which none has been. */
  readonly first: boolean;
  /** Milliseconds between two due times of the job, which are whole seconds. */
  readonly interval: number;
  /** How long the job takes, milliseconds. */
  readonly takes: number;
  /** Does the job. Both are known only with contenders that tell them. */
  job(run: { due?: number; token?: number | undefined }): Promise<void>;
}

/** Resolves when this process takes part. */
type Join = (member: Member) => Promise<void>;

const JOB = 'job';
const SILENT = { info() {}, warn() {}, error() {}, debug() {} };
const SECOND = 1_000;

/** A process that is gone, or stands still, is to be replaced after that long, where there is an option for it. */
const LEASE = SECOND;

/**
 * Each as its own documentation says, with what it has against overlapping runs, and with the option that says how soon the run of a
 * dead process is taken over. What it needs is loaded when it starts.
 */
export const CONTENDERS = {
  async ours({ postgres: connectionString, interval, job }) {
    const { NestFactory } = await import('@nestjs/core');
    const { Interval, WorkerModule } = await import('ctrlplane-workers');
    const { postgres } = await import('ctrlplane-workers/postgres');
    class Jobs {}
    const descriptor = {
      configurable: true,
      // The slot, which is that of the run before where it is run again.
      value: ({ slot, fencingToken }: RunContext) => job({ due: slot!.getTime(), token: fencingToken }),
    };
    Object.defineProperty(Jobs.prototype, 'run', descriptor);
    Interval(JOB, interval, { lease: LEASE })(Jobs.prototype, 'run', descriptor);
    await NestFactory.createApplicationContext(
      {
        module: class App {},
        imports: [WorkerModule.forRoot({ coordination: postgres({ connectionString }) })],
        providers: [Jobs],
      },
      { logger: ['error'] },
    );
  },

  async nestSchedule({ interval, job }) {
    const { NestFactory } = await import('@nestjs/core');
    const { Interval, ScheduleModule } = await import('@nestjs/schedule');
    class Jobs {}
    const descriptor = { configurable: true, value: () => job({}) };
    Object.defineProperty(Jobs.prototype, 'run', descriptor);
    Interval(JOB, interval)(Jobs.prototype, 'run', descriptor);
    await NestFactory.createApplicationContext(
      { module: class App {}, imports: [ScheduleModule.forRoot()], providers: [Jobs] },
      { logger: ['error'] },
    );
  },

  /** The coordinator is the lock of each slot that its documentation describes. It is held until it expires. */
  async nodeCron({ redis: url, interval, job }) {
    const { default: cron } = await import('../peers/node-cron.js');
    const { Redis } = await import('../peers/ioredis.js');
    const redis = new Redis(url);
    // It warns of each slot that passes while the job runs.
    cron.setLogger({ ...SILENT, error: (message) => console.error(message) });
    cron.setRunCoordinator({
      shouldRun: async (key, ttlMs) => (await redis.set(key, process.pid, 'PX', ttlMs, 'NX')) === 'OK',
    });
    cron.schedule(everySeconds(interval), ({ date }) => job({ due: date.getTime() }), {
      name: JOB,
      distributed: true,
      noOverlap: true,
      suppressMissedWarning: true,
    });
  },

  /** Its schedules are by the minute: a job that sends the next one as it begins. One is active at a time. */
  async pgBoss({ postgres: connectionString, first, interval, takes, job }) {
    const { PgBoss } = await import('../peers/pg-boss.js');
    const boss = new PgBoss({
      connectionString,
      schedule: false,
      superviseIntervalSeconds: 1,
      monitorIntervalSeconds: 1,
    });
    boss.on('error', (error) => console.error(error));
    await boss.start();
    await boss.createQueue(JOB, {
      policy: 'singleton',
      expireInSeconds: Math.ceil((takes + LEASE) / SECOND),
      retryLimit: 2,
      retryDelay: 0,
    });
    // The same due time is the same job, also when its predecessor is run again.
    const send = (due: number) => boss.send(JOB, { due }, { id: uuidOf(due), startAfter: new Date(due) });
    if (first) await send(nextDue(interval));
    await boss.work<{ due: number }>(JOB, { pollingIntervalSeconds: 0.5 }, async ([sent]) => {
      const { due } = sent!.data;
      await send(due + interval);
      await job({ due });
    });
  },

  async bullmq({ redis: url, first, interval, job }) {
    const { Queue, Worker } = await import('../peers/bullmq.js');
    const { hostname: host, port } = new URL(url);
    const connection = { host, port: Number(port) };
    const queue = new Queue(JOB, { connection });
    if (first) {
      await queue.setGlobalConcurrency(1);
      await queue.upsertJobScheduler(
        JOB,
        { every: interval },
        { name: JOB, opts: { removeOnComplete: true } },
      );
    }
    // Jobs of a scheduler are named after it and their slot.
    const processor = ({ id }: { id?: string }) => job({ due: Number(id!.split(':').at(-1)) });
    const worker = new Worker(JOB, processor, { connection, lockDuration: LEASE, stalledInterval: LEASE });
    worker.on('error', (error) => console.error(error));
    await worker.waitUntilReady();
  },

  /** Its crontab is by the minute: a job that adds the next one as it begins. */
  async graphileWorker({ postgres: connectionString, first, interval, job }) {
    const { makeWorkerUtils, run, Logger } = await import('../peers/graphile-worker.js');
    const logger = new Logger(() => (level, message) => {
      if (level === 'error') console.error(message);
    });
    const add = (addJob: AddJob, due: number) => addJob(JOB, { due }, { jobKey: JOB, runAt: new Date(due) });
    if (first) {
      const utils = await makeWorkerUtils({ connectionString, logger });
      await utils.migrate();
      await add(utils.addJob, nextDue(interval));
      await utils.release();
    }
    await run({
      connectionString,
      logger,
      concurrency: 1,
      pollInterval: 500,
      noHandleSignals: true,
      taskList: {
        [JOB]: async (payload, { addJob }) => {
          const { due } = payload as { due: number };
          await add(addJob, due + interval);
          await job({ due });
        },
      },
    });
  },

  /**
   * Its schedules send in each process, so a job is unique as long as it is there. Its documentation has `unique({ period })` for that; in
   * 1.16.4 `schedule` takes the period of its own call for all jobs, and each process would run the job once.
   */
  async sidequest({ postgres: config, interval, takes, job }) {
    const { Sidequest } = await import('../peers/sidequest.js');
    const { TheJob } = await import('./sidequest-job.js');
    const { default: cron } = await import('../peers/node-cron.js');
    // It writes each job that is there already as an error.
    cron.setLogger(SILENT);
    TheJob.work = () => job({});
    await Sidequest.start({
      backend: { driver: '@sidequest/postgres-backend', config },
      queues: [{ name: JOB, concurrency: 1 }],
      dashboard: { enabled: false },
      logger: { level: 'error' },
      gracefulShutdown: false,
      fork: false,
      runner: 'inline',
      releaseStaleJobsIntervalMin: 1,
      releaseStaleJobsMaxStaleMs: takes + LEASE,
    });
    await Sidequest.build(TheJob).queue(JOB).unique(true).schedule(everySeconds(interval));
  },

  async agenda({ postgres: connectionString, interval, takes, job }) {
    const { Agenda, PostgresBackend } = await import('../peers/agenda.js');
    const agenda = new Agenda({
      backend: new PostgresBackend({ connectionString }),
      processEvery: 500,
    });
    agenda.on('error', (error: unknown) => console.error(error));
    agenda.define(JOB, () => job({}), { concurrency: 1, lockLifetime: takes + LEASE });
    await agenda.start();
    await agenda.every(`${interval / SECOND} seconds`, JOB);
  },
} satisfies Record<string, Join>;

export type Contender = keyof typeof CONTENDERS;

type AddJob = (
  name: string,
  payload: { due: number },
  spec: { jobKey: string; runAt: Date },
) => Promise<unknown>;

/** Whole intervals since the epoch, as a cron expression has them. */
function nextDue(interval: number): number {
  return (Math.floor(Date.now() / interval) + 1) * interval;
}

function everySeconds(interval: number): string {
  return `*/${interval / SECOND} * * * * *`;
}

function uuidOf(due: number): string {
  return `00000000-0000-4000-8000-${due.toString(16).padStart(12, '0')}`;
}
