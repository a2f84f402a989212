import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findExecutable } from './executable.js';

describe('findExecutable', () => {
  let directory: string;
  beforeAll(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'executable-')));
    for (const bin of ['first', 'second']) mkdirSync(join(directory, bin));
    writeFileSync(join(directory, 'first', 'plain'), '');
    writeFileSync(join(directory, 'second', 'plain'), '', { mode: 0o755 });
    writeFileSync(join(directory, 'first', 'text'), '');
    mkdirSync(join(directory, 'first', 'folder'));
    const script = (name: string, line: string) =>
      writeFileSync(join(directory, 'second', name), `${line}\necho hello\n`, { mode: 0o755 });
    script('well', '#!/bin/sh -e');
    script('well-by-env', '#! /usr/bin/env plain');
    script('no-interpreter', '#!/no/such/interpreter -x');
    script('windows', '#!/bin/sh\r');
    script('no-program', '#!/usr/bin/env no-such-program');
    symlinkSync('nowhere', join(directory, 'first', 'dangling'));
    symlinkSync('/bin/sh', join(directory, 'second', 'link'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const find = (program: string) =>
    findExecutable(program, `/no/such/place:${join(directory, 'first')}:second`, directory);

  it('passes over what cannot be run, and takes entries of PATH from the working directory', async () => {
    expect(await find('plain')).toBe(join(directory, 'second', 'plain'));
    expect(await find('link')).toBe(join(directory, 'second', 'link'));
  });

  it('takes a script whose interpreter is there', async () => {
    for (const name of ['well', 'well-by-env']) {
      expect(await find(name)).toBe(join(directory, 'second', name));
      expect(await find(`./second/${name}`)).toBe(join(directory, 'second', name));
    }
  });

  it.each([
    [
      'no-interpreter',
      'names "/no/such/interpreter" as its interpreter in its first line, which does not exist',
    ],
    [
      'windows',
      '"/bin/sh\\r" as its interpreter in its first line, which does not exist: save it with line ends of Unix',
    ],
    [
      'no-program',
      'names "no-such-program" as its interpreter in its first line, which is in no directory of PATH',
    ],
  ])('says of the script %s why it would end at once', async (name, reason) => {
    await expect(find(name)).rejects.toThrow(reason);
    await expect(find(`./second/${name}`)).rejects.toThrow(reason);
  });

  it('takes a name with a slash as a path from the working directory', async () => {
    expect(await find('second/plain')).toBe(join(directory, 'second', 'plain'));
    expect(await find('./second/../second/plain')).toBe(join(directory, 'second', 'plain'));
    expect(await find('/bin/sh')).toBe('/bin/sh');
  });

  it.each([
    ['absent', 'is in no directory of PATH'],
    ['dangling', 'is in no directory of PATH'],
    ['text', 'first/text may not be run by this user: check its permissions'],
    ['folder', 'first/folder is a directory'],
    ['./absent', '/absent does not exist'],
    ['first/text/below', 'first/text/below does not exist'],
  ])('says of %s that it %s', async (program, reason) => {
    await expect(find(program)).rejects.toThrow(`"${program}" cannot be run: `);
    await expect(find(program)).rejects.toThrow(reason);
  });
});
