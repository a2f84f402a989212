import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { appWorkbench } from '../support/app-workbench.js';

const WEB = 'name: web, replicas: 1, command: [node, server.mjs]';

describe('a start with a fleet file that has a fault', () => {
  const workbench = appWorkbench(afterAll);
  let directory: string;
  beforeAll(async () => {
    directory = await workbench.directory();
  });

  it.each([
    ['that cannot be read as YAML', 'tenants: [', /fleet\.yaml:1:\d+: /],
    [
      'a key that nobody knows',
      'tenants:\n  - name: acme\n    wrkloads: []',
      'fleet.yaml:3:5 tenants[0].wrkloads: unknown key: did you mean workloads?',
    ],
    [
      'two names that are the same',
      `tenants:\n  - name: acme\n    workloads:\n      - { ${WEB} }\n      - { ${WEB} }`,
      'fleet.yaml:5:11 tenants[0].workloads[1].name: "web" is taken by the item [0]',
    ],
    [
      'a reference to what is not declared',
      `tenants:\n  - name: acme\n    workloads:\n      - { ${WEB}, datacenter: moon }`,
      /fleet\.yaml:4:\d+ tenants\[0\]\.workloads\[0\]\.datacenter: this tenant declares no datacenter "moon"/,
    ],
  ])('%s: names file, line and key, and nothing is made', async (_fault, text, words) => {
    const fleet = join(directory, 'fleet.yaml');
    await writeFile(fleet, text);
    await expectRefusal(fleet, words);
  });

  it('that does not exist: names it, and nothing is made', () =>
    expectRefusal(join(directory, 'none.yaml'), /none\.yaml: does not exist: set FLEET to your fleet file/));

  async function expectRefusal(FLEET: string, words: string | RegExp): Promise<void> {
    const dataDirectory = join(directory, 'data');
    const { code, output } = await workbench.run(dataDirectory, { env: { FLEET } });
    expect(output).toMatch(words);
    expect(output).not.toMatch(/^\s+at /m);
    expect(code).toBe(1);
    await expect(readdir(dataDirectory)).rejects.toThrow('ENOENT');
  }
});
