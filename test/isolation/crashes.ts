import { readdirSync } from 'node:fs';
import { eventually } from '../support/eventually.js';
import { childrenOf, IsolatedApp } from '../support/isolated-app.js';

/** What ends a thread or process in mid-run, or has to be ended, and the outcome of its run. */
const CRASHES = {
  exits: 'failed',
  aborts: 'failed',
  throws_later: 'failed',
  rejects: 'failed',
  fills: 'failed',
  loops: 'cancelled',
  loops_on: 'timed_out',
} as const;

const HEAVY_OPTIONS = {
  fills: { isolate: { memory: 32 } },
  loops: { isolate: { grace: 50 } },
  loops_on: { timeout: 200, isolate: { grace: 50 } },
};

export interface Crashed {
  crashes: number;
  /** Of the application's process: with no thread or process of a worker, before and after. */
  before: Held;
  after: Held;
}

interface Held {
  threads: number;
  descriptors: number;
  children: number;
}

/**
 * Crashes threads and processes, several at a time, and looks whether each run comes to its outcome, the next one runs, and
 * nothing is left in the end. Linux.
 * @param random from 0 to 1
 * @throws Error that shows the run that came to another outcome, and what the application wrote
 */
export async function crash(
  crashes: number,
  random: () => number,
  say: (line: string) => void = () => {},
): Promise<Crashed> {
  const app = new IsolatedApp({
    env: { ISOLATION: JSON.stringify({ idle: 200 }), HEAVY_OPTIONS: JSON.stringify(HEAVY_OPTIONS) },
  });
  try {
    const before = await atRest(app);
    for (let done = 0; done < crashes;) {
      const some = pick(Math.min(4, crashes - done), random);
      await Promise.all(some.map(([kind, worker]) => crashOnce(app, kind, worker)));
      done += some.length;
      say(`${done} of ${crashes}: ${some.map((names) => names.join('.')).join(', ')}`);
      for (const kind of ['thread', 'process']) await comesTo(app, `${kind}.echoes`, 'succeeded');
    }
    const after = await atRest(app);
    await app.close();
    if (childrenOf(app.pid).length > 0) throw new Error('Processes are left after the close');
    return { crashes, before, after };
  } finally {
    await app.destroy();
  }
}

/** Whether it holds more than a crash can be meant to leave: Node begins some threads with the first work for them. */
export function holdsMore({ before, after }: Crashed): boolean {
  return (
    after.children > 0 || after.threads > before.threads + 4 || after.descriptors > before.descriptors + 4
  );
}

type Crash = [kind: string, worker: keyof typeof CRASHES];

/** Different ones, as runs of one worker do not overlap. */
function pick(count: number, random: () => number): Crash[] {
  const all = Object.keys(CRASHES).flatMap((worker): Crash[] =>
    ['thread', 'process'].map((kind) => [kind, worker as keyof typeof CRASHES]),
  );
  return Array.from({ length: count }, () => all.splice(Math.floor(random() * all.length), 1)[0]!);
}

async function crashOnce(app: IsolatedApp, kind: string, worker: keyof typeof CRASHES): Promise<void> {
  await comesTo(app, `${kind}.${worker}`, CRASHES[worker], worker === 'loops');
}

async function comesTo(app: IsolatedApp, worker: string, outcome: string, cancel = false): Promise<void> {
  const run = await app.run(worker, { cancel });
  if (run.outcome !== outcome)
    throw new Error(`${worker} is ${run.outcome}, not ${outcome}: ${JSON.stringify(run)}\n${app.output}`);
}

/** What the application holds when it has ended all that was idle. */
async function atRest(app: IsolatedApp): Promise<Held> {
  await app.worker('thread.echoes');
  let held: Held | undefined;
  // Descriptors close a moment after what had them.
  return eventually(() => {
    const now = heldBy(app.pid);
    const same = now.children === 0 && JSON.stringify(now) === JSON.stringify(held);
    held = now;
    return same && now;
  }, 90_000);
}

/** What a process holds now. Linux. */
export function heldBy(pid: number): Held {
  return {
    threads: readdirSync(`/proc/${pid}/task`).length,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    children: childrenOf(pid).length,
  };
}
