import { readdir } from 'node:fs/promises';
import { expect, it } from '@jest/globals';
import { INTERVAL_METADATA, type IntervalMetadata } from '../../core/worker/interval.decorator.js';

it('every worker has a timeout, so that one that hangs is said to be stuck', async () => {
  const timeouts = new Map<string | undefined, unknown>();
  const files = await readdir(import.meta.dirname, { recursive: true });
  for (const file of files.filter((name) => name.endsWith('.worker.ts')))
    for (const exported of Object.values((await import(`./${file}`)) as object))
      for (const { name, options } of workersOf(exported)) timeouts.set(name, options.timeout);
  expect([...timeouts.keys()].toSorted()).toEqual([
    'cert_renewer',
    'gc',
    'gc_stores',
    'health_history',
    'health_runner',
    'incident_watch',
    'instance_drift',
    'reconciler',
    'telemetry_collector',
    'telemetry_retention',
    'telemetry_rollups',
  ]);
  expect([...timeouts].filter(([, timeout]) => timeout === undefined)).toEqual([]);
});

function workersOf(exported: unknown): IntervalMetadata[] {
  if (typeof exported !== 'function' || !exported.prototype) return [];
  return Object.values(Object.getOwnPropertyDescriptors(exported.prototype)).flatMap(({ value }) => {
    const metadata: unknown = typeof value === 'function' && Reflect.getMetadata(INTERVAL_METADATA, value);
    return metadata ? [metadata as IntervalMetadata] : [];
  });
}
