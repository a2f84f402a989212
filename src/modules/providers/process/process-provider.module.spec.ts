import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuplicateProviderError } from '../provider.errors.js';
import { ProviderRegistry } from '../provider.registry.js';
import { ProcessProvider } from './process.provider.js';
import { ProcessProviderModule } from './process-provider.module.js';

@Injectable()
class EarlyBird implements OnModuleInit {
  found?: string;
  constructor(private readonly providers: ProviderRegistry) {}
  onModuleInit(): void {
    this.found = this.providers.default().name;
  }
}

@Module({ providers: [EarlyBird] })
class ConsumerModule {}

describe('ProcessProviderModule', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'process-provider-module-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('registers the provider before any hook of the application runs', async () => {
    const app = await Test.createTestingModule({
      imports: [ConsumerModule, ProcessProviderModule.forRoot({ directory })],
    }).compile();
    await app.init();
    expect(app.get(EarlyBird, { strict: false }).found).toBe('process');
    const { provider } = app.get(ProviderRegistry, { strict: false }).default();
    expect(provider).toBe(app.get(ProcessProvider, { strict: false }));
    expect(provider.info().description).toContain(directory);
    await app.close();
  });

  it('takes its options from a factory, and another name', async () => {
    const app = await Test.createTestingModule({
      imports: [
        ProcessProviderModule.forRootAsync({
          useFactory: () => Promise.resolve({ directory, name: 'local' }),
        }),
      ],
    }).compile();
    expect(
      app
        .get(ProviderRegistry, { strict: false })
        .list()
        .map(({ name }) => name),
    ).toEqual(['local']);
    await app.close();
  });

  it('serves two directories under two names, and refuses two under one', async () => {
    const other = { directory: join(directory, 'other') };
    const app = await Test.createTestingModule({
      imports: [
        ProcessProviderModule.forRoot({ directory }),
        ProcessProviderModule.forRoot({ ...other, name: 'other' }),
      ],
    }).compile();
    const names = app
      .get(ProviderRegistry, { strict: false })
      .list()
      .map(({ name }) => name);
    expect(names).toEqual(['process', 'other']);
    await app.close();
    const clash = Test.createTestingModule({
      imports: [ProcessProviderModule.forRoot({ directory }), ProcessProviderModule.forRoot(other)],
    }).compile();
    await expect(clash).rejects.toThrow(DuplicateProviderError);
  });
});
