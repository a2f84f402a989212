import { afterEach, describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeTree } from './remove-tree.js';

describe('removeTree', () => {
  const directories: string[] = [];
  afterEach(async () => {
    for (const directory of directories.splice(0)) await rm(directory, { recursive: true, force: true });
  });

  async function make(): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), 'remove-tree-'));
    directories.push(directory);
    await chmod(directory, 0o755);
    return directory;
  }

  it('removes what there is, links and not what they lead to, and minds nothing that is missing', async () => {
    const [directory, victim] = [await make(), await make()];
    await writeFile(join(victim, 'file'), '');
    await mkdir(join(directory, 'a/b'), { recursive: true });
    await writeFile(join(directory, 'a/b/-rf'), '');
    await symlink(victim, join(directory, 'a/link'));
    await removeTree(directory);
    expect(existsSync(directory)).toBe(false);
    expect(await readdir(victim)).toEqual(['file']);
    await removeTree(directory);
  });
});
