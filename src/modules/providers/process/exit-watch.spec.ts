import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '../../ids/typed-id.js';
import { type ProviderChange } from '../provider.js';
import { ProcessProvider } from './process.provider.js';

describe('ExitWatch', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'exit-watch-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('tells within a second of the end of a process that an earlier control plane has started', async () => {
    const instanceId = newId('instance');
    const { ref } = await new ProcessProvider({ directory }).provision({
      instanceId,
      tenantId: newId('tenant'),
      name: 'web',
      spec: { command: ['/bin/sh', '-c', 'exec sleep 3600'] },
      labels: {},
    });
    const next = new ProcessProvider({ directory });
    const controller = new AbortController();
    const changes = next.watch(controller.signal)[Symbol.asyncIterator]();
    // The watch reads which processes there are when it begins, as `list` does: what ends before that is not told.
    for (let n = 0; n < 3; n++) await next.list();
    process.kill(Number(ref), 'SIGKILL');
    const killed = performance.now();
    const { value } = (await changes.next()) as { value: ProviderChange };
    expect(value).toEqual({ instanceId, change: 'exited' });
    expect(performance.now() - killed).toBeLessThan(5_000);
    controller.abort();
    expect(await changes.next()).toMatchObject({ done: true });
    await next.deprovision(instanceId);
  });
});
