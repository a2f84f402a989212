import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../../../test/support/eventually.js';
import { runs } from '../../../../test/support/processes.js';
import { newId } from '../../ids/typed-id.js';
import { type ProviderChange, type ProviderInstance } from '../provider.js';
import { ProcessProvider } from './process.provider.js';

describe('ExitWatch', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'exit-watch-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const provisioned = (provider: ProcessProvider, instanceId = newId('instance')) =>
    provider.provision({
      instanceId,
      tenantId: newId('tenant'),
      name: 'web',
      spec: { command: ['/bin/sh', '-c', 'exec sleep 3600'] },
      labels: {},
    });
  const kill = async ({ ref }: ProviderInstance) => {
    process.kill(Number(ref), 'SIGKILL');
    await eventually(() => !runs(Number(ref)));
  };

  describe.each([
    ['its first read', false],
    ['a look later', true],
  ])('of a process that an earlier control plane has started, which ends before %s', (_, isKnown) => {
    it('tells once', async () => {
      const brief = await provisioned(new ProcessProvider({ directory }));
      const next = new ProcessProvider({ directory });
      const controller = new AbortController();
      const changes = next.watch(controller.signal)[Symbol.asyncIterator]();
      // It reads which processes there are when it begins, as `list` does.
      if (isKnown) for (let n = 0; n < 3; n++) await next.list();
      await kill(brief);
      const { value } = (await changes.next()) as { value: ProviderChange };
      expect(value).toEqual({ instanceId: brief.instanceId, change: 'exited' });

      const another = await provisioned(next);
      await kill(another);
      const told: ProviderChange[] = [];
      for (let last = value; last.instanceId !== another.instanceId || last.change !== 'exited';) {
        last = ((await changes.next()) as { value: ProviderChange }).value;
        told.push(last);
      }
      expect(told.filter(({ instanceId }) => instanceId === brief.instanceId)).toEqual([]);
      controller.abort();
      expect(await changes.next()).toMatchObject({ done: true });
      for (const { instanceId } of [brief, another]) await next.deprovision(instanceId);
    });
  });

  it('tells of such a process also after a call that found it running, and not of one that a call has ended', async () => {
    const [kept, restarted] = [0, 1].map(() => newId('instance'));
    for (const id of [kept, restarted]) await provisioned(new ProcessProvider({ directory }), id);
    const next = new ProcessProvider({ directory });
    const controller = new AbortController();
    const changes = next.watch(controller.signal)[Symbol.asyncIterator]();
    for (let n = 0; n < 3; n++) await next.list();
    const found = await provisioned(next, kept);
    await next.restart(restarted!);
    await kill(found);
    const told: ProviderChange[] = [];
    while (told.at(-1)?.change !== 'exited')
      told.push(((await changes.next()) as { value: ProviderChange }).value);
    expect(told.at(-1)).toEqual({ instanceId: kept, change: 'exited' });
    controller.abort();
    for (const id of [kept, restarted]) await next.deprovision(id!);
  });

  it('tells those that had ended before it began, as nobody else does, and none that was stopped', async () => {
    const provider = new ProcessProvider({ directory });
    const [ended, stopped, running] = [
      await provisioned(provider),
      await provisioned(provider),
      await provisioned(provider),
    ];
    await kill(ended);
    await provider.stop(stopped.instanceId);
    const controller = new AbortController();
    const changes = provider.watch(controller.signal)[Symbol.asyncIterator]();
    const { value } = (await changes.next()) as { value: ProviderChange };
    expect(value).toEqual({ instanceId: ended.instanceId, change: 'exited' });
    await kill(running);
    expect(await changes.next()).toMatchObject({
      value: { instanceId: running.instanceId, change: 'exited' },
    });
    controller.abort();
    for (const { instanceId } of [ended, stopped, running]) await provider.deprovision(instanceId);
  });
});
