import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { temporaryDirectories } from '../../../../test/support/temporary-directory.js';
import { type InstanceId, newId } from '../../ids/typed-id.js';
import { KeyedQueue } from '../keyed-queue.js';
import { LogKeeper } from './log-keeper.js';
import { olderLog } from './log-rotation.js';

const directory = temporaryDirectories();

async function logs(...texts: string[]): Promise<{ id: InstanceId; log: string }[]> {
  const path = await directory();
  const made = texts.map((text, n) => ({ id: newId('instance'), log: join(path, `${n}`, 'log'), text }));
  for (const { log, text } of made) {
    await mkdir(join(log, '..'));
    await writeFile(log, text);
  }
  return made;
}

it('rotates the logs that are too long, and leaves the others', async () => {
  const all = await logs('too long', 'ok');
  await new LogKeeper({ all: async () => all as never }, new KeyedQueue(), 4).look();
  expect(await Promise.all(all.map(async ({ log }) => (await stat(log)).size))).toEqual([0, 2]);
  expect(await readFile(olderLog(all[0]!.log), 'utf8')).toBe('long');
});

it('goes on with the next log where one cannot be rotated, and ends quietly where none can be found', async () => {
  const all = await logs('too long', 'too long');
  const [broken, whole] = all;
  await mkdir(`${olderLog(broken!.log)}/in-the-way`, { recursive: true });
  await new LogKeeper({ all: async () => all as never }, new KeyedQueue(), 4).look();
  expect((await stat(whole!.log)).size).toBe(0);
  await new LogKeeper({ all: () => Promise.reject(new Error('gone')) }, new KeyedQueue(), 4).look();
});

it('waits for what changes the instance, and looks once at a time', async () => {
  const all = await logs('too long');
  const [{ id, log }] = all as [(typeof all)[0]];
  const queue = new KeyedQueue<InstanceId>();
  let finish = (): void => undefined;
  const change = queue.run(id, () => new Promise<void>((resolve) => (finish = resolve)));
  let asked = 0;
  const keeper = new LogKeeper({ all: async () => (asked++, all as never) }, queue, 4);
  const look = keeper.look();
  await keeper.look();
  expect(asked).toBe(1);
  expect((await stat(log)).size).toBe(8);
  finish();
  await Promise.all([change, look]);
  expect((await stat(log)).size).toBe(0);
});
