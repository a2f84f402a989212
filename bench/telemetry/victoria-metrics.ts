import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import {
  RESOURCE_METRIC_NAMES,
  RESOURCE_METRICS,
  type ResourceSnapshot,
} from '../../dist/modules/telemetry/resource-metrics.js';

/** Bytes that a reading takes there; undefined where it is not installed. */
export async function bytesInVictoriaMetrics(
  ticks: readonly (readonly ResourceSnapshot[])[],
  say: (line: string) => void,
): Promise<number | undefined> {
  if (spawnSync('victoria-metrics', ['-version'], { stdio: 'ignore' }).error) return undefined;
  say('storing the same in victoria-metrics');
  const directory = await mkdtemp(join(tmpdir(), 'victoria-metrics-'));
  const port = await freePort();
  const server = spawn(
    'victoria-metrics',
    [`-storageDataPath=${directory}`, `-httpListenAddr=127.0.0.1:${port}`, '-retentionPeriod=10y'],
    { stdio: 'ignore' },
  );
  const url = `http://127.0.0.1:${port}`;
  try {
    for (let attempt = 0; ; attempt++) {
      if (
        await fetch(`${url}/health`).then(
          ({ ok }) => ok,
          () => false,
        )
      )
        break;
      if (attempt === 100) throw new Error('victoria-metrics did not start');
      await wait(100);
    }
    for (const tick of ticks) {
      const lines = tick.flatMap((reading) =>
        RESOURCE_METRIC_NAMES.flatMap((metric) =>
          reading[metric] === null
            ? []
            : [
                `${RESOURCE_METRICS[metric].column}{tenant="${reading.tenantId}",instance="${reading.instanceId}"} ${reading[metric]} ${+reading.at}`,
              ],
        ),
      );
      const response = await fetch(`${url}/api/v1/import/prometheus`, {
        method: 'POST',
        body: lines.join('\n'),
      });
      if (!response.ok) throw new Error(`victoria-metrics answered ${response.status}`);
    }
    await fetch(`${url}/internal/force_flush`);
    await fetch(`${url}/internal/force_merge`);
    await wait(3_000);
    const readings = ticks.reduce((sum, tick) => sum + tick.length, 0);
    return (await sizeOf(join(directory, 'data'))) / readings;
  } finally {
    server.kill('SIGTERM');
    await once(server, 'exit');
    await rm(directory, { recursive: true, force: true });
  }
}

async function sizeOf(directory: string): Promise<number> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true });
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
