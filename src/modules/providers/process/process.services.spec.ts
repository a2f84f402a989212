import { expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../../../../test/support/eventually.js';
import { temporaryDirectories } from '../../../../test/support/temporary-directory.js';
import { newId } from '../../ids/typed-id.js';
import { ProcessProvider } from './process.provider.js';

const directory = temporaryDirectories();

it('stops a service before those that it waits for', async () => {
  const path = await directory();
  const order = join(path, 'order');
  const provider = new ProcessProvider({
    directory: join(path, 'instances'),
    users: 'same',
    stopGrace: '60s',
  });
  const program = (name: string) => ({
    command: ['/bin/sh', '-c', `trap 'echo ${name} >>${order}; exit' TERM; echo ready; sleep 3600 & wait`],
  });
  // It stops first though its directory comes after that of the main program.
  const services = [{ name: 'proxy', ...program('proxy'), dependsOn: [{ service: 'main' }] }];
  const instanceId = newId('instance');
  const spec = { ...program('main'), services };
  await provider.provision({ instanceId, tenantId: newId('tenant'), name: 'web', labels: {}, spec });
  try {
    // A signal before the trap is set ends the shell without a word.
    for (const service of ['main', 'proxy'])
      await eventually(async () => (await provider.logs(instanceId, { service })).includes('ready'));
    await provider.stop(instanceId);
    expect((await readFile(order, 'utf8')).trim().split('\n')).toEqual(['proxy', 'main']);
  } finally {
    await provider.deprovision(instanceId);
  }
});
