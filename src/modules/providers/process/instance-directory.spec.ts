import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, linkSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '../../ids/typed-id.js';
import { InstanceDirectory } from './instance-directory.js';
import { type InstanceRecord } from './instance-record.js';

const RECORD: InstanceRecord = {
  tenantId: newId('tenant'),
  name: 'web',
  labels: { team: 'storefront' },
  spec: { command: ['sleep', '3600'], env: { PASSWORD: 'hunter2' } },
  ports: { http: 20_000 },
};

describe('InstanceDirectory', () => {
  let path: string;
  let directory: InstanceDirectory;

  beforeEach(async () => {
    path = join(await mkdtemp(join(tmpdir(), 'instance-directory-')), 'one');
    directory = new InstanceDirectory(newId('instance'), path);
  });

  afterEach(() => rm(join(path, '..'), { recursive: true }));

  /** As the launcher does it. */
  function joinRun(run: { path: string }, pid = 42): void {
    const note = join(run.path, `launcher.${pid}`);
    writeFileSync(note, `${pid} 1234@boot\n`);
    linkSync(note, join(run.path, 'identity'));
  }

  it('has neither record nor runs before anything was written', async () => {
    expect(await directory.readRecord()).toBeUndefined();
    expect(await directory.runs()).toEqual([]);
    await directory.remove();
  });

  it('gives its record back as it was written', async () => {
    await directory.writeRecord(RECORD);
    expect(await directory.readRecord()).toEqual(RECORD);
    const next = { ...RECORD, previousSpec: RECORD.spec, spec: { command: ['true'] } };
    await directory.writeRecord(next);
    expect(await directory.readRecord()).toEqual(next);
  });

  it('is not misled by a record that was only half written when the control plane was killed', async () => {
    await directory.writeRecord(RECORD);
    writeFileSync(join(path, 'spec.json.next'), '{ "tenantId": ');
    expect(await directory.readRecord()).toEqual(RECORD);
    await directory.writeRecord({ ...RECORD, name: 'other' });
    expect((await directory.readRecord())?.name).toBe('other');
  });

  it.each([
    ['empty', '', 'it is not JSON'],
    ['torn', '{ "env": "hunter2', 'it is not JSON'],
    ['a list', '[]', 'This record cannot be used'],
    ['of a strange tenant', JSON.stringify({ ...RECORD, tenantId: '../..' }), 'tenantId: is no tenant id'],
    ['with a strange port', JSON.stringify({ ...RECORD, ports: { http: 'hunter2' } }), 'ports.http'],
    [
      'without a command',
      JSON.stringify({ ...RECORD, spec: { command: [], env: { A: 'hunter2' } } }),
      'spec.command',
    ],
  ])('says why it cannot use a record that is %s, and quotes nothing of it', async (_, text, reason) => {
    mkdirSync(path);
    writeFileSync(join(path, 'spec.json'), text);
    const error = await directory.readRecord().then(undefined, (thrown: Error) => thrown);
    expect(error).toMatchObject({ name: 'BrokenInstanceError', instanceId: directory.id });
    expect((error as Error).message).toContain(reason);
    expect((error as Error).message).not.toContain('hunter2');
  });

  it('tells the process that has joined a run', async () => {
    await directory.writeRecord(RECORD);
    const run = await directory.openRun();
    expect(await directory.runs()).toEqual([{ path: run.path, open: true }]);
    joinRun(run);
    const process = { pid: 42, startTime: '1234@boot', startedAt: expect.any(Date) };
    expect(await directory.runs()).toEqual([{ path: run.path, open: true, process }]);
  });

  it.each(['', '42', '42 1234', 'x 1234@boot\n', '42 \n'])(
    'calls the identity %j unreadable',
    async (text) => {
      await directory.writeRecord(RECORD);
      const run = await directory.openRun();
      writeFileSync(join(run.path, 'identity'), text);
      expect(await directory.readRun(run)).toEqual({ ...run, process: 'unreadable' });
    },
  );

  it('lets nobody join a run that was closed, and knows who did in the last moment before', async () => {
    await directory.writeRecord(RECORD);
    const [empty, joined] = [await directory.openRun(), await directory.openRun()];
    joinRun(joined); // `joined`, read before, does not know it yet
    const [none, one] = [await directory.closeRun(empty), await directory.closeRun(joined)];
    expect(() => joinRun(empty)).toThrow(/ENOENT/);
    expect(none.process).toBeUndefined();
    expect(one.process).toMatchObject({ pid: 42 });
    expect(await directory.runs()).toEqual(expect.arrayContaining([none, one]));
    expect(await directory.closeRun(one)).toBe(one);
    for (const run of [none, one]) await directory.removeRun(run);
    expect(await directory.runs()).toEqual([]);
  });

  it('is read as it is, however runs come and go meanwhile', async () => {
    await directory.writeRecord(RECORD);
    let running = true;
    const changing = (async () => {
      while (running) {
        const run = await directory.openRun();
        joinRun(run);
        await directory.removeRun(await directory.closeRun(run));
      }
    })();
    for (let reading = 0; reading < 200; reading++)
      for (const run of await directory.runs())
        // Closed and yet without the process that had joined it: that has never been.
        if (!run.open && existsSync(join(run.path, 'identity'))) expect(run.process).toBeDefined();
    running = false;
    await changing;
  });

  it('removes all that is in it', async () => {
    await directory.writeRecord(RECORD);
    await directory.openRun();
    await (await directory.openLog()).close();
    await directory.remove();
    await directory.remove();
    expect(readdirSync(join(path, '..'))).toEqual([]);
  });
});
