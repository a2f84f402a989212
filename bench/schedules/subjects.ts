/** What runs so many schedules once, each of which is due, and whose next run is an hour later. */
export interface Task {
  /** Of the database, or of Redis. */
  readonly url: string;
  readonly count: number;
  /** To be called in each run. */
  ran(key: string): void;
}

/** Ready to begin: what is stored is stored. */
export interface Ready {
  /** Resolves when all have run, and the next run of each is stored. */
  run(): Promise<void>;
  end(): Promise<void>;
}

export const HANDLER = 'job';
const QUEUE = 'jobs';
const HOUR = 3_600_000;
/** Runs of a process at a time. */
const CONCURRENCY = 100;
const BATCH = 1_000;

const keyOf = (n: number): string => `user-${n}`;

/** Each as its own documentation says, with what makes it fast. What it needs is loaded when it starts. */
export const SUBJECTS = {
  async ours({ url, count, ran }) {
    const { openSchedules } = await import('./app.js');
    const all = gate(count);
    const writer = await openSchedules({ url });
    await writer.schedules.upsertMany(
      keys(count).map((key) => ({ handler: HANDLER, key, every: HOUR, startsAt: new Date(0) })),
    );
    await writer.query(
      `UPDATE schedules SET slot_at = s, planned_at = s, due_at = s FROM date_trunc('hour', now()) AS s`,
    );
    await writer.query('VACUUM ANALYZE schedules');
    return {
      async run() {
        const app = await openSchedules({
          url,
          concurrency: CONCURRENCY,
          run: ({ key }) => {
            ran(key);
            all.one();
          },
        });
        await all.passed;
        // Ends when every result is stored.
        await app.close();
        const [{ left }] = (await writer.query(
          'SELECT count(*)::int AS left FROM schedules WHERE runs <> 1 OR claimed_by IS NOT NULL',
        )) as [{ left: number }];
        if (left > 0) throw new Error(`${left} results are not stored`);
      },
      end: () => writer.close(),
    };
  },

  /** Jobs are removed as they are completed: of a run nothing is left but the count of its scheduler. */
  bullmq: (task) => bullmqSchedulers(task, true),

  /** Completed jobs are kept, as BullMQ does by itself: what keeps how the last run of each ended. */
  bullmqOutcomes: (task) => bullmqSchedulers(task, false),

  /** A stored job each, which sends the next one of its key as it runs. */
  pgBoss: (task) =>
    pgBossJobs(task, { batchSize: 50, localConcurrency: 4 }, async (send, keys) => {
      await Promise.all(keys.map((key) => send([key])));
    }),

  /** The same, with one insert for the next ones of five hundred. */
  pgBossBatches: (task) =>
    pgBossJobs(task, { batchSize: 500, localConcurrency: 2 }, (send, keys) => send(keys)),

  /** The same, of each key at most one job that waits: what makes of jobs schedules that can be changed by their key. */
  pgBossKeys: (task) =>
    pgBossJobs(task, { batchSize: 500, localConcurrency: 2 }, (send, keys) => send(keys), 'short'),

  /** Its own schedules: each minute all of them are read, and those that are due are sent, in fifties. */
  async pgBossSchedules({ url, count, ran }) {
    const { PgBoss } = await import('../peers/pg-boss.js');
    const writer = new PgBoss({ connectionString: url, schedule: false });
    writer.on('error', console.error);
    await writer.start();
    await writer.createQueue(QUEUE);
    for (const key of keys(count)) await writer.schedule(QUEUE, '* * * * *', { key }, { key });
    const boss = new PgBoss({ connectionString: url, cronWorkerIntervalSeconds: 1 });
    boss.on('error', console.error);
    const all = gate(count);
    return {
      async run() {
        await boss.start();
        const options = { batchSize: 500, pollingIntervalSeconds: 0.5 };
        await boss.work<{ key: string }>(QUEUE, options, async (jobs) => {
          for (const { data } of jobs) {
            ran(data.key);
            all.one();
          }
        });
        await all.passed;
        await boss.offWork(QUEUE, { wait: true });
      },
      async end() {
        await boss.stop({ graceful: false });
        await writer.stop({ graceful: false });
      },
    };
  },
} satisfies Record<string, (task: Task) => Promise<Ready>>;

export type Subject = keyof typeof SUBJECTS;

/** A job scheduler each: its first job is due at once, and each job that starts stores the next one. */
async function bullmqSchedulers({ url, count, ran }: Task, removeOnComplete: boolean): Promise<Ready> {
  const { Queue, Worker } = await import('../peers/bullmq.js');
  const { hostname: host, port } = new URL(url);
  const connection = { host, port: Number(port) };
  const queue = new Queue(QUEUE, { connection });
  for (let from = 0; from < count; from += BATCH)
    await Promise.all(
      keys(Math.min(BATCH, count - from), from).map((key) =>
        queue.upsertJobScheduler(key, { every: HOUR }, { name: key, opts: { removeOnComplete } }),
      ),
    );
  const all = gate(count);
  return {
    async run() {
      const worker = new Worker(QUEUE, async ({ name }: { name: string }) => ran(name), {
        connection,
        concurrency: CONCURRENCY,
      });
      worker.on('completed', () => all.one());
      await all.passed;
      const { delayed, completed } = await queue.getJobCounts('delayed', 'completed');
      if (delayed !== count) throw new Error(`${delayed} next jobs are stored`);
      if (completed !== (removeOnComplete ? 0 : count)) throw new Error(`${completed} jobs are kept`);
      await worker.close();
    },
    end: () => queue.close(),
  };
}

async function pgBossJobs(
  { url, count, ran }: Task,
  size: { batchSize: number; localConcurrency: number },
  sendNext: (send: (keys: string[]) => Promise<unknown>, keys: string[]) => Promise<unknown>,
  policy?: 'short',
): Promise<Ready> {
  const { PgBoss } = await import('../peers/pg-boss.js');
  const boss = new PgBoss({ connectionString: url, schedule: false });
  boss.on('error', console.error);
  await boss.start();
  await boss.createQueue(QUEUE, policy && { policy });
  const insert = (keys: string[], startAfter: Date) =>
    boss.insert(
      QUEUE,
      keys.map((key) => ({ data: { key }, startAfter, ...(policy && { singletonKey: key }) })),
    );
  for (let from = 0; from < count; from += BATCH)
    await insert(keys(Math.min(BATCH, count - from), from), new Date());
  const next = (keys: string[]) => {
    const startAfter = new Date(Date.now() + HOUR);
    return keys.length === 1 ? boss.send(QUEUE, { key: keys[0] }, { startAfter }) : insert(keys, startAfter);
  };
  const all = gate(count);
  return {
    async run() {
      const options = { ...size, pollingIntervalSeconds: 0.5, burstWhenBatchFull: true };
      await boss.work<{ key: string }>(QUEUE, options, async (jobs) => {
        const ofJobs = jobs.map(({ data }) => data.key);
        for (const key of ofJobs) ran(key);
        await sendNext(next, ofJobs);
        ofJobs.forEach(() => all.one());
      });
      await all.passed;
      // Ends when the last jobs are completed.
      await boss.offWork(QUEUE, { wait: true });
    },
    end: () => boss.stop({ graceful: false }),
  };
}

function keys(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, n) => keyOf(from + n));
}

/** Passed when so many have come. */
function gate(count: number): { one(): void; passed: Promise<void> } {
  let pass!: () => void;
  const passed = new Promise<void>((resolve) => (pass = resolve));
  let left = count;
  return {
    passed,
    one: () => {
      if (--left === 0) pass();
    },
  };
}
