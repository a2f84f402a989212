// A replica that says each run as it starts, `run key attempt`. What the key begins with is what its run does: `kill` ends the process
// as kill -9 does, when those that started with it are active; `hold` does not end in a replica that has HOLD; all else takes 200 ms.
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { startReplica } from './scheduled-replica.mjs';

const { HOLD } = process.env;

class Jobs {
  async run({ key, attempt, signal }) {
    // At once, as the process may end in the next line.
    writeSync(1, `run ${key} ${attempt}\n`);
    if (key.startsWith('kill')) {
      await sleep(100);
      process.kill(process.pid, 'SIGKILL');
    }
    await sleep(key.startsWith('hold') && HOLD ? 3_600_000 : 200, undefined, { signal });
  }
}

await startReplica(Jobs, { maxAttempts: 3, concurrency: 5 });
