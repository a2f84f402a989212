import { expect } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { itWith } from '../../../test/support/needs.js';

itWith(
  'proc',
  'secrets leave the environment, for children and for whoever reads /proc, and all else stays',
  () => {
    const source = `
    import { execFileSync } from 'node:child_process';
    import { readFileSync } from 'node:fs';
    import { forgetSecrets } from ${JSON.stringify(new URL('./forget-secrets.ts', import.meta.url).href)};
    forgetSecrets();
    forgetSecrets();
    const seen = [readFileSync('/proc/self/environ', 'utf8'), String(execFileSync('env')), JSON.stringify(process.env)];
    console.log(JSON.stringify(seen.map((text) => [text.includes('hunter2'), text.includes('kept-one'), text.includes('kept-two')])));
  `;
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '--eval', source],
      {
        cwd: fileURLToPath(new URL('../../..', import.meta.url)),
        env: {
          PATH: process.env.PATH,
          BEFORE: 'kept-one ä',
          DATABASE_URL: 'postgres://user:hunter2@localhost/db',
          WORKERS_TOKEN: 'hunter2-hunter2-hunter2',
          AFTER: 'kept-two',
        },
        encoding: 'utf8',
      },
    );
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual(Array(3).fill([false, true, true]));
  },
);
