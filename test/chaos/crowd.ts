import { chmod, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newId } from '../../src/modules/ids/typed-id.js';
import { ProcessProvider } from '../../src/modules/providers/process/process.provider.js';
import { eventually } from '../support/eventually.js';

/** What was seen of many instances at once. */
export interface Crowd {
  instances: number;
  /** Milliseconds until all of them ran, for one list of them, and until all were gone. */
  started: number;
  listed: number;
  removed: number;
  wrong: string[];
}

/** Asks for this many instances at the same moment, and for their end. */
export async function startCrowd(directory: string, instances: number): Promise<Crowd> {
  const path = join(directory, 'instances');
  await mkdir(directory, { recursive: true });
  await chmod(directory, 0o755);
  const mark = `CROWD=${newId('tenant')}`;
  const [name, value] = mark.split('=') as [string, string];
  const provider = new ProcessProvider({ directory: path, stopGrace: '2s' });
  const requests = Array.from({ length: instances }, (_, n) => ({
    instanceId: newId('instance'),
    tenantId: newId('tenant'),
    name: `crowd-${n}`,
    labels: {},
    spec: {
      command: ['/bin/sh', '-c', 'exec sleep 3600'],
      env: { [name]: value },
      ports: [{ name: 'http', env: 'PORT' }],
    },
  }));
  const wrong: string[] = [];
  const fail = (what: string) => (error: Error) => void wrong.push(`${what}: ${error.message}`);

  const since = performance.now();
  const made = await Promise.all(requests.map((one) => provider.provision(one).catch(fail(one.name))));
  const started = performance.now() - since;
  const ports = new Set(made.flatMap((one) => one?.endpoints.map(({ port }) => port) ?? []));
  if (ports.size !== instances) wrong.push(`${ports.size} ports for ${instances} instances`);

  const before = performance.now();
  const list = await provider.list();
  const listed = performance.now() - before;
  const running = list.filter(({ state }) => state === 'running').length;
  const pids = new Set(list.map(({ ref }) => ref));
  if (running !== instances || pids.size !== instances)
    wrong.push(`${running} of ${list.length} run, as ${pids.size} processes`);
  // One has its variables when it has become its program, a moment after its pid was noted.
  let marked = 0;
  await eventually(async () => (marked = await processesWith(mark)) === instances).catch(() =>
    wrong.push(`${marked} processes for ${instances} instances`),
  );

  const end = performance.now();
  await Promise.all(requests.map((one) => provider.deprovision(one.instanceId).catch(fail(one.name))));
  const removed = performance.now() - end;
  const left = await processesWith(mark);
  if (left > 0) wrong.push(`${left} processes are left`);
  const files = (await readdir(path)).filter((entry) => entry !== 'store-id');
  if (files.length > 0) wrong.push(`files are left: ${files.join()}`);
  return { instances, started, listed, removed, wrong };
}

async function processesWith(variable: string): Promise<number> {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  const found = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')),
  );
  return found.filter((environment) => environment.split('\0').includes(variable)).length;
}
