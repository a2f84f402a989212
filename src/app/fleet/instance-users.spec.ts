import { afterAll, expect, it } from '@jest/globals';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith } from '../../../test/support/needs.js';
import { loadFleetFile } from './fleet-file.js';
import { instanceUsers } from './instance-users.js';

describeWith('root', 'the users of instances, as root', () => {
  const directory = mkdtempSync(join(tmpdir(), 'instance-users-'));
  chmodSync(directory, 0o755);
  const closed = join(directory, 'closed');
  mkdirSync(closed, { mode: 0o700 });
  afterAll(() => rmSync(directory, { recursive: true }));

  const choice = (workload: string) => {
    const file = join(directory, 'fleet.yaml');
    writeFileSync(file, `tenants: [{ name: acme, workloads: [{ name: web, replicas: 1, ${workload} }] }]`);
    return instanceUsers(undefined, loadFleetFile(file));
  };

  it('are own ones, unless a directory of a program is closed to others', async () => {
    expect((await choice('command: [sh]')).users).toBe('own');
    expect(await choice('command: [sh], workingDirectory: closed')).toEqual({
      users: 'same',
      notice: expect.stringContaining(`${closed} is not open to other users`),
    });
  });

  it('depend on the programs of all services', async () => {
    const sidecar = '{ name: log, command: [sh], workingDirectory: closed }';
    expect((await choice(`command: [sh], services: [${sidecar}]`)).users).toBe('same');
  });

  it('do not depend on directories in containers', async () => {
    expect((await choice(`provider: docker, image: web, workingDirectory: ${closed}`)).users).toBe('own');
  });
});
