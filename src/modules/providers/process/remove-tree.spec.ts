import { afterEach, describe, expect, it } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeTree } from './remove-tree.js';

/** Swaps the directory `bait` for a link, and back, as fast as it can; goes on when it has lost. */
const SWAP = `
  const fs = require('node:fs');
  process.chdir(process.argv[1]);
  process.stdout.write('ready');
  for (;;) for (const [from, to] of [['bait', 'kept'], ['link', 'bait'], ['bait', 'link'], ['kept', 'bait']])
    try { fs.renameSync(from, to); } catch (error) { if (!fs.existsSync('.')) process.exit(); }
`;

describe('removeTree', () => {
  let swapper: ChildProcess | undefined;
  const directories: string[] = [];
  afterEach(async () => {
    swapper?.kill('SIGKILL');
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

  it('empties nothing that a neighbour puts in its way as a link', async () => {
    const victim = await make();
    const names = Array.from({ length: 20 }, (_, i) => `file${i}`);
    for (const name of names) await writeFile(join(victim, name), '');
    for (let round = 0; round < 20; round++) {
      const directory = await make();
      const work = join(directory, 'work');
      await mkdir(join(work, 'bait'), { recursive: true });
      for (let i = 0; i < 200; i++) await writeFile(join(work, 'bait', `own${i}`), '');
      await symlink(victim, join(work, 'link'));
      swapper = spawn(process.execPath, ['-e', SWAP, work], { stdio: ['ignore', 'pipe', 'ignore'] });
      await new Promise((ready) => swapper!.stdout!.once('data', ready));
      // It may be in the way; what matters is that nothing else is emptied.
      await removeTree(directory).catch(() => undefined);
      swapper.kill('SIGKILL');
    }
    expect((await readdir(victim)).sort()).toEqual(names.sort());
  });
});
