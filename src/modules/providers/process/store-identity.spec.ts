import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeIdentity } from './store-identity.js';

describe('storeIdentity', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'store-identity-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('is one, however many ask first at the same time', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, () => storeIdentity(directory)));
    expect(new Set(ids).size).toBe(1);
    expect(await readdir(directory)).toEqual(['store-id']);
  });

  it('does not take a new one where the old one cannot be read', async () => {
    await writeFile(join(directory, 'store-id'), '');
    await expect(storeIdentity(directory)).rejects.toThrow(/store-id does not hold the identity/);
  });
});
