import { expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { builtCheckout } from '../support/app-workbench.js';
import { describeWith } from '../support/needs.js';

const cwd = join(builtCheckout(), 'examples/observability');

describeWith('promtool', 'the alert rules of examples/observability', () => {
  it.each([
    ['are rules', ['check', 'rules', 'alerts.yml']],
    ['alert when they should, and only then', ['test', 'rules', 'alerts.test.yml']],
  ])('%s', (_what, args) => {
    const { status, stdout, stderr } = spawnSync('promtool', args, { cwd, encoding: 'utf8' });
    expect({ status, output: `${stdout}${stderr}` }).toEqual({ status: 0, output: expect.any(String) });
  });
});
