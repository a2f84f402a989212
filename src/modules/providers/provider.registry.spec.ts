import { describe, expect, it } from '@jest/globals';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProcessProvider } from './process/process.provider.js';
import { DuplicateProviderError, UnknownProviderError } from './provider.errors.js';
import { ProviderRegistry } from './provider.registry.js';

describe('ProviderRegistry', () => {
  const directory = join(mkdtempSync(join(tmpdir(), 'registry-')), 'never-made');
  const one = new ProcessProvider({ directory });
  const other = new ProcessProvider({ directory });

  it('gives back what was registered under a name', () => {
    const registry = new ProviderRegistry();
    registry.register('process', one);
    registry.register('spare', other);
    expect(registry.get('process')).toBe(one);
    expect(registry.get('spare')).toBe(other);
    expect(registry.has('spare')).toBe(true);
    expect(registry.has('docker')).toBe(false);
  });

  it('lists providers in the order of their registration', () => {
    const registry = new ProviderRegistry();
    registry.register('b', one);
    registry.register('a', other);
    expect(registry.list()).toEqual([
      { name: 'b', provider: one },
      { name: 'a', provider: other },
    ]);
  });

  it('takes the first one as the default, unless it is told another', () => {
    const registry = new ProviderRegistry();
    registry.register('process', one);
    registry.register('spare', other);
    expect(registry.default()).toEqual({ name: 'process', provider: one });
    registry.setDefault('spare');
    expect(registry.default()).toEqual({ name: 'spare', provider: other });
  });

  it('names the registered ones when asked for one that it does not know', () => {
    const registry = new ProviderRegistry();
    registry.register('process', one);
    registry.register('spare', other);
    const expected = /no provider "docker": registered: process, spare/;
    expect(() => registry.get('docker')).toThrow(UnknownProviderError);
    expect(() => registry.get('docker')).toThrow(expected);
    expect(() => registry.setDefault('docker')).toThrow(expected);
    expect(registry.default().name).toBe('process');
  });

  it('says that there is none when it is empty', () => {
    expect(() => new ProviderRegistry().default()).toThrow(/no default provider: none is registered/);
    expect(() => new ProviderRegistry().get('process')).toThrow(/none is registered/);
  });

  it('refuses a second provider of the same name and keeps the first', () => {
    const registry = new ProviderRegistry();
    registry.register('process', one);
    expect(() => registry.register('process', other)).toThrow(DuplicateProviderError);
    expect(registry.get('process')).toBe(one);
  });
});
