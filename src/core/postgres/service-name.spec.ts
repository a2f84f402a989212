import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { temporaryDirectories } from '../../../test/support/temporary-directory.js';
import { defaultServiceName } from './service-name.js';

describe('defaultServiceName', () => {
  const temporaryDirectory = temporaryDirectories();

  it('is that of the package of the script that was started, or else of the working directory', async () => {
    const root = await temporaryDirectory();
    const [api, cli] = [join(root, 'apps/api'), join(root, 'node_modules/runner')];
    for (const directory of [api, cli]) await mkdir(join(directory, 'dist'), { recursive: true });
    await writeFile(join(root, 'package.json'), '{ "name": "all" }');
    await writeFile(join(api, 'package.json'), '{ "name": "@shop/api" }');
    await writeFile(join(api, 'dist/package.json'), '{ "type": "module" }');
    await writeFile(join(cli, 'package.json'), '{ "name": "runner" }');
    expect(defaultServiceName(['node', join(api, 'dist/main.js')], root)).toBe('@shop/api');
    expect(defaultServiceName(['node', join(cli, 'dist/run.js')], api)).toBe('@shop/api');
    expect(defaultServiceName(['node'], root)).toBe('all');
    expect(defaultServiceName(['node'], '/')).toBeUndefined();
  });
});
