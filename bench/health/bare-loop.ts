/** Undici and nothing else, in a process of its own: a new connection for each request, its answer read and dropped. */
import { Client } from 'undici';
import { report } from '../harness/child.js';

/** What a prober did, and the processor time that it took, in milliseconds. */
export interface ProbesFound {
  checks: number;
  processor: number;
}

const [, , port, seconds] = process.argv;
const AT_ONCE = 10;
let checks = 0;

async function probe(): Promise<void> {
  const client = new Client(`http://127.0.0.${1 + (checks++ % 200)}:${port}`);
  const { statusCode, body } = await client.request({ method: 'GET', path: '/' });
  await body.text();
  await client.destroy();
  if (statusCode !== 200) throw new Error(`Answered ${statusCode}`);
}

const loop = (milliseconds: number): Promise<unknown> => {
  const end = performance.now() + milliseconds;
  return Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (performance.now() < end) await probe();
    }),
  );
};

await loop(2_000);
const before = process.cpuUsage();
checks = 0;
await loop(Number(seconds) * 1_000);
const { user, system } = process.cpuUsage(before);
report({ checks, processor: (user + system) / 1_000 } satisfies ProbesFound);
