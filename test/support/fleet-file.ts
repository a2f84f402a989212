import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { builtCheckout } from './app-workbench.js';

/** Workloads of one tenant: how many instances, and how many milliseconds each takes to end. */
export type Workloads = Record<string, { replicas: number; stopAfter?: number }>;

/**
 * Writes a fleet file of HTTP servers under the tenant `acme`, with a garbage collector that looks often and
 * spares nothing for its youth.
 * @returns its path
 */
export async function fleetFile(
  directory: string,
  workloads: Workloads,
  garbageCollector: object = { interval: '500ms', instanceGracePeriod: 0 },
): Promise<string> {
  const tenant = {
    name: 'acme',
    workloads: Object.entries(workloads).map(([name, { replicas, stopAfter = 0 }]) => ({
      name,
      replicas,
      command: ['node', join(builtCheckout(), 'test/apps/reluctant-server.mjs')],
      env: { STOP_AFTER: String(stopAfter) },
      ports: [{ name: 'http', env: 'PORT' }],
    })),
  };
  const path = join(directory, 'fleet.yaml');
  // JSON is YAML.
  await writeFile(path, JSON.stringify({ garbageCollector, tenants: [tenant] }));
  return path;
}
