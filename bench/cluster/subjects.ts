/** One process of several that are to run the same workers, each slot once. */
export interface Member {
  /** Of the database, or of Redis. */
  readonly url: string;
  /** Of this process, from 0. */
  readonly index: number;
  /** How many workers there are; each runs once a second. */
  readonly workers: number;
  /** @param slot milliseconds since the epoch, for which the run is */
  ran(worker: number, slot: number): void;
}

/** Resolves when this process takes part. */
type Join = (member: Member) => Promise<void>;

const SECOND = 1_000;

const QUEUE = 'slots';

interface Slot {
  readonly worker: number;
  readonly slot: number;
}

/** Each as its own documentation says, with what makes it fast. What it needs is loaded when it starts. */
export const SUBJECTS = {
  async ours({ url, workers, ran }) {
    const { NestFactory } = await import('@nestjs/core');
    const { Interval, WorkerModule } = await import('ctrlplane-workers');
    const { postgres } = await import('ctrlplane-workers/postgres');
    class Workers {}
    for (let i = 0; i < workers; i++) {
      const value = async ({ scheduledAt }: { scheduledAt: Date }) => ran(i, scheduledAt.getTime());
      const descriptor = { configurable: true, value };
      Object.defineProperty(Workers.prototype, `run${i}`, descriptor);
      Interval(`worker-${i}`, SECOND)(Workers.prototype, `run${i}`, descriptor);
    }
    await NestFactory.createApplicationContext(
      {
        module: class App {},
        imports: [WorkerModule.forRoot({ coordination: postgres({ connectionString: url }) })],
        providers: [Workers],
      },
      { logger: ['error', 'warn'] },
    );
  },

  /** Every process sends every slot when it comes. The key lets one through. */
  async pgBoss(member) {
    const boss = await joinPgBoss(member);
    everySlot(member.workers, ({ worker, slot }) => {
      boss.send(QUEUE, { worker, slot }, keyOf(worker, slot)).catch(console.error);
    });
  },

  /** The same, but what comes within 20 ms in one insert. */
  async pgBossBatches(member) {
    const boss = await joinPgBoss(member);
    let due: Slot[] = [];
    everySlot(member.workers, (slot) => void due.push(slot));
    setInterval(() => {
      // In one order, or the inserts of two processes may deadlock.
      const jobs = due
        .toSorted((a, b) => a.worker - b.worker)
        .map(({ worker, slot }) => ({ data: { worker, slot }, ...keyOf(worker, slot) }));
      due = [];
      if (jobs.length > 0) boss.insert(QUEUE, jobs).catch(console.error);
    }, 20);
  },

  async bullmq({ url, index, workers, ran }) {
    const { Queue, Worker } = await import('../peers/bullmq.js');
    const { hostname: host, port } = new URL(url);
    const connection = { host, port: Number(port) };
    const queue = new Queue(QUEUE, { connection });
    if (index === 0)
      for (let worker = 0; worker < workers; worker++)
        await queue.upsertJobScheduler(
          `worker-${worker}`,
          { every: SECOND },
          { name: String(worker), opts: { removeOnComplete: true } },
        );
    // Jobs of a scheduler are named after it and their slot.
    const processor = async ({ name, id }: { name: string; id?: string }) =>
      ran(Number(name), Number(id!.split(':').at(-1)));
    const worker = new Worker(QUEUE, processor, { connection, concurrency: 100 });
    await worker.waitUntilReady();
  },
} satisfies Record<string, Join>;

export type Subject = keyof typeof SUBJECTS;

async function joinPgBoss({ url, ran }: Member) {
  const { PgBoss } = await import('../peers/pg-boss.js');
  const boss = new PgBoss({ connectionString: url, useListenNotify: true });
  boss.on('error', (error) => console.error(error));
  await boss.start();
  await boss.createQueue(QUEUE, { notify: true });
  await boss.work<Slot>(QUEUE, { batchSize: 50, pollingIntervalSeconds: 0.5 }, async (jobs) => {
    for (const { data } of jobs) ran(data.worker, data.slot);
  });
  return boss;
}

/** Of all jobs with the same key within an hour there is one. */
function keyOf(worker: number, slot: number) {
  return { singletonKey: `${worker}@${slot}`, singletonSeconds: 3_600 };
}

/** Calls back when a slot comes, for workers that are spread over the second. */
function everySlot(workers: number, come: (slot: Slot) => void): void {
  for (let worker = 0; worker < workers; worker++) {
    const wait = (slot: number): void =>
      void setTimeout(() => {
        come({ worker, slot });
        wait(slot + SECOND);
      }, slot - Date.now());
    wait(Math.ceil(Date.now() / SECOND) * SECOND + Math.floor((worker / workers) * SECOND));
  }
}
