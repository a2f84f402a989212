import { describe, expect, it } from '@jest/globals';
import { mkdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryDirectories } from '../../../test/support/temporary-directory.js';
import { DataDirectoryInUseError, openDataDirectory, UnusableDirectoryError } from './index.js';

describe('openDataDirectory', () => {
  const temporaryDirectory = temporaryDirectories();

  it('creates the directory and those above it so that other users may pass through, whatever the umask', async () => {
    const root = await temporaryDirectory();
    const before = process.umask(0o077);
    try {
      const { path, release } = await openDataDirectory(join(root, 'a', 'b'));
      expect(path).toBe(join(root, 'a', 'b'));
      await release();
    } finally {
      process.umask(before);
    }
    for (const made of [join(root, 'a'), join(root, 'a', 'b')]) {
      expect((await stat(made)).mode & 0o777).toBe(0o755);
    }
  });

  it('takes one that exists as it is, also behind a link', async () => {
    const root = await temporaryDirectory();
    await mkdir(join(root, 'real'), { mode: 0o750 });
    await symlink('real', join(root, 'link'));
    const { release } = await openDataDirectory(join(root, 'link'));
    expect((await stat(join(root, 'real'))).mode & 0o777).toBe(0o750);
    await release();
  });

  it('takes a relative path from the current directory', async () => {
    const root = await temporaryDirectory();
    const before = process.cwd();
    process.chdir(root);
    try {
      const { path, release } = await openDataDirectory('.data');
      expect(path).toBe(join(process.cwd(), '.data'));
      await release();
    } finally {
      process.chdir(before);
    }
  });

  it('is one per directory, and names the process that has it', async () => {
    const path = await temporaryDirectory();
    const { release } = await openDataDirectory(path);
    const second = openDataDirectory(path);
    await expect(second).rejects.toThrow(DataDirectoryInUseError);
    await expect(second).rejects.toThrow(`${path} is in use by process ${process.pid}`);
    await release();
    await (await openDataDirectory(path)).release();
  });

  it('refuses a path on which a file stands, and names it', async () => {
    const root = await temporaryDirectory();
    await writeFile(join(root, 'file'), '');
    for (const path of [join(root, 'file'), join(root, 'file', 'below')]) {
      const refusal = openDataDirectory(path);
      await expect(refusal).rejects.toThrow(UnusableDirectoryError);
      await expect(refusal).rejects.toThrow(
        `Cannot keep data in ${path}: ${join(root, 'file')} is not a directory. Set DATA_DIR`,
      );
    }
  });

  it.each(['nowhere', 'link'])('refuses a link that leads to no directory: %s', async (target) => {
    const root = await temporaryDirectory();
    await symlink(target, join(root, 'link'));
    await expect(openDataDirectory(join(root, 'link'))).rejects.toThrow(UnusableDirectoryError);
  });

  it('refuses a name that is longer than the file system takes', async () => {
    const path = join(await temporaryDirectory(), 'x'.repeat(300));
    await expect(openDataDirectory(path)).rejects.toThrow(/ENAMETOOLONG. Set DATA_DIR/);
  });
});
