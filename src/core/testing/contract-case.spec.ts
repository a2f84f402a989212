import { describe, expect, it } from '@jest/globals';
import { contract } from './contract-case.js';

describe('a contract', () => {
  it('is a case for each sentence, each with a subject of its own that is disposed of', async () => {
    const log: string[] = [];
    let made = 0;
    const setup = async () => {
      const name = `subject ${++made}`;
      return { name, teardown: async () => void log.push(`${name} ends`) };
    };
    const cases = contract(setup, {
      'does one thing': async ({ name }) => void log.push(`${name} does one thing`),
      'does another': async ({ name }) => void log.push(`${name} does another`),
    });
    expect(cases.map(({ name }) => name)).toEqual(['does one thing', 'does another']);
    for (const { run } of cases) await run();
    expect(log).toEqual([
      'subject 1 does one thing',
      'subject 1 ends',
      'subject 2 does another',
      'subject 2 ends',
    ]);
  });

  it('disposes of a subject that breaks the sentence, and tells how it did', async () => {
    let ended = 0;
    const [one] = contract(() => ({ teardown: async () => void ended++ }), {
      'is never kept': () => Promise.reject(new Error('broken')),
    });
    await expect(one!.run()).rejects.toThrow('broken');
    expect(ended).toBe(1);
  });

  it('is kept by a subject that has nothing to dispose of, and by none', async () => {
    const seen: unknown[] = [];
    for (const setup of [() => 1, () => undefined])
      await contract<number | undefined>(setup, {
        'is seen': async (subject) => void seen.push(subject),
      })[0]!.run();
    expect(seen).toEqual([1, undefined]);
  });
});
