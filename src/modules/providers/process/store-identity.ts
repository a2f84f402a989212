import { randomUUID } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const FILE = 'store-id';
const FORM = /^proc_[0-9a-f-]{36}\n$/;

/**
 * The identity of the store in that directory, made at the first call. Written beside and linked into place: of
 * two that do it at the same time one wins, and after a crash it is there as a whole or not at all.
 * @throws Error when the file is there and makes no sense: a new identity would disown all instances.
 */
export async function storeIdentity(directory: string): Promise<string> {
  const file = join(directory, FILE);
  const found = await readIdentity(file);
  if (found) return found;
  const draft = `${file}.${randomUUID()}`;
  try {
    await writeFile(draft, `proc_${randomUUID()}\n`, { flag: 'wx', mode: 0o600 });
    await link(draft, file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(draft, { force: true });
  }
  return (await readIdentity(file))!;
}

async function readIdentity(file: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  if (text === undefined) return undefined;
  if (!FORM.test(text))
    throw new Error(
      `${file} does not hold the identity of a store: restore it from the column provider_store of its instances`,
    );
  return text.trim();
}
