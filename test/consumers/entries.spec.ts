import { describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { builtCheckout } from '../support/app-workbench.js';

/** `cron`, which `@nestjs/schedule` brings as well, is a dependency of the package: npm installs it with that. */
const FRAMEWORK = ['@nestjs/common', '@nestjs/core', '@nestjs/schedule', 'cron', 'reflect-metadata', 'rxjs'];

/** What an application that imports the entry has to have installed. */
const NEEDED: Record<string, string[]> = {
  '.': FRAMEWORK,
  './postgres': ['@nestjs/common', 'pg'],
  './terminus': [...FRAMEWORK, '@nestjs/terminus'],
  './dashboard': FRAMEWORK,
  './http': ['@nestjs/common', '@nestjs/core', 'reflect-metadata', 'rxjs'],
  './incidents': FRAMEWORK,
  './fan-out': FRAMEWORK,
  './opentelemetry': [...FRAMEWORK, '@opentelemetry/api'],
  './testing': FRAMEWORK,
  './control-plane': [
    ...FRAMEWORK,
    '@grpc/grpc-js',
    '@nestjs/typeorm',
    '@peculiar/x509',
    'acme-client',
    'dockerode',
    'p-limit',
    'pg',
    'pg-copy-streams',
    'safe-stable-stringify',
    'tldts',
    'typeid-js',
    'typeorm',
    'undici',
    'zod',
  ],
  './control-plane/testing': [
    '@peculiar/x509',
    'cron',
    'reflect-metadata',
    'safe-stable-stringify',
    'tldts',
    'typeid-js',
    'zod',
  ],
};

/** What no application should get by surprise: all that is needed by some entry and not by the framework. */
const OPTIONAL = new Set(
  Object.values(NEEDED)
    .flat()
    .filter((name) => !FRAMEWORK.includes(name)),
);

describe('an application that imports', () => {
  it.each(Object.entries(NEEDED))('ctrlplane-workers%s needs nothing else for it', async (entry, needed) => {
    const { imported, loaded } = await load(`ctrlplane-workers${entry.slice(1)}`);
    expect(imported.filter((name) => !needed.includes(name))).toEqual([]);
    expect(loaded.filter((name) => OPTIONAL.has(name) && !needed.includes(name))).toEqual([]);
  });

  it('ctrlplane-workers has all its entries in that table', async () => {
    const { exports } = JSON.parse(await readFile(join(builtCheckout(), 'package.json'), 'utf8')) as {
      exports: Record<string, unknown>;
    };
    const entries = Object.keys(exports).filter((entry) => entry !== './package.json');
    expect(entries.sort()).toEqual(Object.keys(NEEDED).sort());
  });
});

/** In a process of its own: here all sorts of things are loaded. */
async function load(specifier: string): Promise<{ imported: string[]; loaded: string[] }> {
  const script = join(builtCheckout(), 'test/consumers/loaded-modules.mjs');
  const { stdout } = await promisify(execFile)(process.execPath, [script, specifier], {
    env: { PATH: process.env.PATH },
  });
  return JSON.parse(stdout) as { imported: string[]; loaded: string[] };
}
