import { afterAll, describe, it } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import * as core from '../src/core/index.js';
import { runStoreContract } from '../src/core/testing/index.js';

const PAGE = readFileSync(new URL('extending.md', import.meta.url), 'utf8');

describe('the run store on the page of ports', () => {
  const folder = mkdtempSync(join(tmpdir(), 'file-run-store-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  const FileRunStore = classOf(PAGE, folder);
  const contract = runStoreContract(async () => {
    // What a store before it has written is not its own.
    await fs.rm(join(folder, 'runs.json'), { force: true });
    const store = new FileRunStore();
    await store.open();
    return { store };
  });
  for (const { name, run } of contract) it(name, run);
});

/** The class that the page's code makes, with its file in that folder. */
function classOf(page: string, folder: string): new () => core.RunStore {
  const [, code = ''] = /```ts\n(import[^`]*class FileRunStore[^`]*)```/.exec(page) ?? [];
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  });
  const files = {
    readFile: (name: string, encoding: 'utf8') => fs.readFile(join(folder, name), encoding),
    writeFile: (name: string, text: string) => fs.writeFile(join(folder, name), text),
  };
  const exports: { FileRunStore?: new () => core.RunStore } = {};
  const names = ['RunStore', 'matchesQuery', 'newestFirst', 'withoutLog'] as const;
  new Function('exports', 'require', ...names, outputText)(
    exports,
    () => files,
    ...names.map((name) => core[name]),
  );
  return exports.FileRunStore!;
}
