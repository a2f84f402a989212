import { ExternalContextCreator, ModuleRef } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from '@jest/globals';
import { workerContextCreator } from './worker-context-creator.js';

describe('workerContextCreator', () => {
  it('finds in this release of Nest the fields that Nest keeps to itself', async () => {
    const module = await Test.createTestingModule({}).compile();
    const moduleRef = module.get(ModuleRef);
    expect(workerContextCreator(moduleRef, 'key', false)).toBeInstanceOf(ExternalContextCreator);
    expect(workerContextCreator(moduleRef, 'key', true)).toBeInstanceOf(ExternalContextCreator);
  });

  it('leaves the application its own creator and configuration', async () => {
    const module = await Test.createTestingModule({}).compile();
    const own = module.get(ExternalContextCreator);
    expect(workerContextCreator(module.get(ModuleRef), 'key', true)).not.toBe(own);
    expect(own.getContextModuleKey(class {})).toBe('');
  });

  it('says which field a release of Nest has not, rather than applying half of the enhancers', () => {
    expect(() => workerContextCreator({} as ModuleRef, 'key', false)).toThrow(
      /this release of @nestjs\/core has no ModuleRef\.container: use a release that the peerDependencies/,
    );
  });
});
