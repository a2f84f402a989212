import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { announceApp, findApp, NoRunningAppError } from './running-app.js';

describe('the app that runs on a data directory', () => {
  const directories: string[] = [];
  afterEach(async () => {
    for (const directory of directories.splice(0)) await rm(directory, { recursive: true });
  });
  const make = async (): Promise<string> => {
    const directory = await mkdtemp(join(tmpdir(), 'running-app-'));
    directories.push(directory);
    return directory;
  };
  const app = { url: 'http://127.0.0.1:1', token: 'token-of-the-app' };

  it('is found by its file', async () => {
    const directory = await make();
    await announceApp(directory, app);
    expect(await findApp(directory)).toEqual(app);
  });

  it('is not there when its process has ended: whoever has its port gets no token', async () => {
    const directory = await make();
    await announceApp(directory, app);
    const file = join(directory, 'app.json');
    const announced = JSON.parse(await readFile(file, 'utf8')) as { process: { startTime: string } };
    announced.process.startTime = 'another';
    await writeFile(file, JSON.stringify(announced));
    await expect(findApp(directory)).rejects.toThrow(NoRunningAppError);
    await expect(findApp(directory)).rejects.toThrow('the one that ran there has ended');
  });
});
