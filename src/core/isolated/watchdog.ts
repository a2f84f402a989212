import { Worker as Thread } from 'node:worker_threads';

/** Milliseconds between two looks. */
const EVERY = 500;

/** Windows keeps the id of a parent that has ended; elsewhere another process takes its place. */
const WATCH = `
const { parent, every } = require('node:worker_threads').workerData;
const gone = () => {
  if (process.platform !== 'win32') return process.ppid !== parent;
  try {
    return !process.kill(parent, 0);
  } catch {
    return true;
  }
};
setInterval(() => gone() && process.kill(process.pid, 'SIGKILL'), every);
`;

/**
 * Ends this process when the application's process is gone, also while this one is in a loop that lets no event through: by
 * a thread of its own. Linux could do it by a signal at the parent's death, which Node cannot ask for.
 * @param parent process id
 */
export function watchParent(parent: number): void {
  const thread = new Thread(WATCH, {
    eval: true,
    name: 'watches the parent',
    execArgv: [],
    workerData: { parent, every: EVERY },
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 },
  });
  thread.unref();
}
