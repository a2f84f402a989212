import { expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';

it('A command whose output nobody reads any more ends without a word', async () => {
  const module = JSON.stringify(new URL('./quiet-pipe.ts', import.meta.url).href);
  const source = `const { endWithoutReader } = await import(${module});
    endWithoutReader();
    setInterval(() => process.stdout.write('a line\\n'.repeat(10_000)), 1);`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', source], {
    cwd: new URL('../../', import.meta.url).pathname,
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (chunk) => (errors += String(chunk)));
  const closed = once(child, 'close');
  child.stdout.once('data', () => child.stdout.destroy());
  expect(await closed).toEqual([0, null]);
  expect(errors).toBe('');
});
