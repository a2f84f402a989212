import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Pool } from 'undici';
import { freePort } from '../../test/support/free-port.js';
import { processorTime } from '../harness/processor-time.js';
import { type ProbesFound } from './bare-loop.js';

const PROGRAM = 'prometheus-blackbox-exporter';
const AT_ONCE = 10;

export function hasBlackboxExporter(): boolean {
  return !spawnSync(PROGRAM, ['--version'], { stdio: 'ignore' }).error;
}

/** Debian's blackbox_exporter, asked over kept connections to probe the same servers, one new connection each. */
export async function inBlackboxExporter(httpPort: number, probes: number): Promise<ProbesFound> {
  const directory = await mkdtemp(join(tmpdir(), 'blackbox-exporter-'));
  const config = join(directory, 'blackbox.yml');
  await writeFile(
    config,
    'modules: { http: { prober: http, timeout: 5s, http: { preferred_ip_protocol: ip4 } } }\n',
  );
  const port = await freePort();
  const server = spawn(
    PROGRAM,
    [`--config.file=${config}`, `--web.listen-address=127.0.0.1:${port}`, '--log.level=error'],
    { stdio: 'ignore' },
  );
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: AT_ONCE });
  try {
    for (let attempt = 0; ; attempt++) {
      const answer = await pool.request({ method: 'GET', path: '/-/healthy' }).catch(() => undefined);
      await answer?.body.dump();
      if (answer?.statusCode === 200) break;
      if (attempt === 100) throw new Error(`${PROGRAM} did not start`);
      await wait(100);
    }
    const probe = async (n: number): Promise<void> => {
      const target = encodeURIComponent(`http://127.0.0.${1 + (n % 200)}:${httpPort}/`);
      const { body } = await pool.request({ method: 'GET', path: `/probe?module=http&target=${target}` });
      const text = await body.text();
      if (!text.includes('\nprobe_success 1\n')) throw new Error(`${PROGRAM} could not probe: ${text}`);
    };
    const all = async (count: number): Promise<void> => {
      let next = 0;
      await Promise.all(
        Array.from({ length: AT_ONCE }, async () => {
          while (next < count) await probe(next++);
        }),
      );
    };
    await all(500);
    const before = processorTime(server.pid!);
    await all(probes);
    return { checks: probes, processor: processorTime(server.pid!) - before };
  } finally {
    server.kill('SIGKILL');
    await pool.destroy();
    await rm(directory, { recursive: true, force: true });
  }
}
