import { describe, expect, it } from '@jest/globals';
import { chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { itWith } from '../../../test/support/needs.js';
import { ORDINARY_USER, outputAsOrdinaryUser } from '../../../test/support/ordinary-user.js';
import { temporaryDirectories } from '../../../test/support/temporary-directory.js';
import { defaultDataDirectory } from './index.js';

const MODULE = new URL('./index.ts', import.meta.url).href;

describe('defaultDataDirectory', () => {
  const temporaryDirectory = temporaryDirectories();
  const closedDirectory = async () => {
    const closed = join(await temporaryDirectory(), 'closed');
    await mkdir(closed, { mode: 0o700 });
    return closed;
  };

  it('is .data in the directory given', async () => {
    const base = await temporaryDirectory();
    expect(await defaultDataDirectory(base)).toEqual({ path: join(base, '.data') });
  });

  it('is .data in the current directory when none is given', async () => {
    const before = process.cwd();
    process.chdir(await temporaryDirectory());
    try {
      expect(await defaultDataDirectory()).toEqual({ path: join(process.cwd(), '.data') });
    } finally {
      process.chdir(before);
    }
  });

  itWith('root', 'as root, is elsewhere when other users may not enter, and says why', async () => {
    const closed = await closedDirectory();
    const base = join(closed, 'clone');
    await mkdir(base);
    const { path, notice } = await defaultDataDirectory(base);
    expect(path).toMatch(/^\/var\/lib\/ctrlplane-workers\/[0-9a-f]{12}$/);
    expect(notice).toContain(`Data is kept in ${path}`);
    expect(notice).toContain(`may not enter ${closed}.`);
  });

  itWith('root', 'as root, is the same for one clone and another for another', async () => {
    const [one, other] = [await closedDirectory(), await closedDirectory()];
    expect(await defaultDataDirectory(one)).toEqual(await defaultDataDirectory(one));
    expect((await defaultDataDirectory(one)).path).not.toBe((await defaultDataDirectory(other)).path);
  });

  itWith(
    'ordinary user',
    'for an ordinary user, is beside the clone even if others may not enter',
    async () => {
      const closed = await closedDirectory();
      if (ORDINARY_USER?.uid) await chown(closed, ORDINARY_USER.uid, -1);
      const output = await outputAsOrdinaryUser(`
      const { defaultDataDirectory } = await import(${JSON.stringify(MODULE)});
      console.log(JSON.stringify(await defaultDataDirectory(${JSON.stringify(closed)})));`);
      expect(JSON.parse(output)).toEqual({ path: join(closed, '.data') });
    },
  );
});
