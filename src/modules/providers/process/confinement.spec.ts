import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '../../../../test/support/eventually.js';
import { describeWith } from '../../../../test/support/needs.js';
import { type InstanceId, newId } from '../../ids/typed-id.js';
import { type InstanceSpec, type ProvisionRequest } from '../provider.js';
import { isAlive, type ProcessIdentity, readProcessIdentity } from './process-identity.js';
import { ProcessProvider } from './process.provider.js';

/** Sleeps with nothing that tells whose it is: no mark, no group and no session of the instance, no parent. */
const ESCAPED = 'env -i setsid /bin/sh -c "sleep 3600 & echo daemon \\$!" &';

describe('What holds an instance', () => {
  let directory: string;
  let provider: ProcessProvider;

  beforeEach(async () => {
    const parent = await mkdtemp(join(tmpdir(), 'confinement-'));
    await chmod(parent, 0o755);
    directory = join(parent, 'instances');
  });
  afterEach(async () => {
    for (const { instanceId } of await provider.list()) await provider.deprovision(instanceId);
    await rm(join(directory, '..'), { recursive: true });
  });

  async function provisioned(script: string, spec: Partial<InstanceSpec> = {}) {
    const request: ProvisionRequest = {
      instanceId: newId('instance'),
      tenantId: newId('tenant'),
      name: 'web',
      spec: { command: ['/bin/sh', '-c', `${script}\necho ready; exec sleep 3600`], ...spec },
      labels: {},
    };
    const { instanceId: id, ref } = await provider.provision(request);
    await eventually(async () => (await provider.logs(id)).includes('ready'));
    return { id, pid: Number(ref), leader: readProcessIdentity(Number(ref))! };
  }

  const runOf = (id: InstanceId) =>
    join(
      directory,
      id,
      readdirSync(join(directory, id)).find((name) => name.startsWith('run.'))!,
    );
  const confinementOf = (id: InstanceId) =>
    JSON.parse(readFileSync(join(runOf(id), 'confinement.json'), 'utf8')) as {
      user?: number;
      cgroup?: string;
    };
  /** As if no group of the kernel's could be had. */
  const withoutCgroup = (id: InstanceId) => {
    const { user } = confinementOf(id);
    writeFileSync(join(runOf(id), 'confinement.json'), JSON.stringify({ user }));
  };
  async function daemonOf(id: InstanceId): Promise<ProcessIdentity> {
    const line = await eventually(async () =>
      (await provider.logs(id)).find((text) => text.startsWith('daemon ')),
    );
    return readProcessIdentity(Number(line.slice(7)))!;
  }
  const run = async (id: InstanceId, script: string) => {
    const { stdout, stderr } = await provider.exec(id, ['/bin/sh', '-c', script]);
    return stdout + stderr;
  };

  describeWith('root', 'is a user of its own, as root', () => {
    beforeEach(() => {
      provider = new ProcessProvider({ directory, stopGrace: '300ms' });
    });

    it('with no group, capability or way to new privileges of root, for commands in it as well', async () => {
      const [one, other] = [await provisioned(''), await provisioned('')];
      const users = [one, other].map(({ id }) => confinementOf(id).user!);
      expect(new Set(users).size).toBe(2);
      const status = readFileSync(`/proc/${one.pid}/status`, 'utf8');
      for (const text of [status, await run(one.id, 'cat /proc/self/status')]) {
        expect(text).toMatch(new RegExp(`^Uid:(\\t${users[0]}){4}$`, 'm'));
        expect(text).toMatch(new RegExp(`^Gid:(\\t${users[0]}){4}$`, 'm'));
        expect(text).toMatch(/^Groups:\s*$/m);
        expect(text).toMatch(/^CapEff:\t0+$/m);
        expect(text).toMatch(/^CapInh:\t0+$/m);
        expect(text).toMatch(/^NoNewPrivs:\t1$/m);
      }
      expect(readProcessIdentity(one.pid)).toEqual(one.leader);
      await provider.restart(one.id);
      expect(confinementOf(one.id).user).toBe(users[0]);
    });

    it('who can neither read nor signal anything of the control plane or of another instance', async () => {
      const [one, other] = [await provisioned('', { env: { PASSWORD: 'hunter2' } }), await provisioned('')];
      const tries = [
        `cat /proc/${process.pid}/environ`,
        `cat /proc/${one.pid}/environ`,
        `cat ${join(directory, one.id, 'spec.json')}`,
        `ls ${directory}`,
        `ls ${join(directory, one.id, 'work')}`,
        `kill -9 ${one.pid}`,
        `echo 1 1 >${join(runOf(other.id), 'identity')}`,
        `rm -r ${join(directory, other.id, 'spec.json')}`,
        `mv ${join(directory, other.id, 'work')} ${join(directory, other.id, 'moved')}`,
        ...(confinementOf(other.id).cgroup
          ? [`echo $$ >${confinementOf(other.id).cgroup}/../cgroup.procs`]
          : []),
      ];
      for (const script of tries)
        expect(await run(other.id, `${script} && echo DONE`)).toMatch(/denied|not permitted/i);
      expect(isAlive(one.leader)).toBe(true);
      expect(await run(other.id, 'echo mine >file && cat file; echo $HOME')).toBe(
        `mine\n${join(directory, other.id, 'work')}\n`,
      );
    });

    it('as whom all of its environment takes effect, and nothing of it as root', async () => {
      const traces = join(directory, '..', 'traces');
      mkdirSync(traces);
      await chmod(traces, 0o777);
      // The dynamic linker of every program that gets these writes a file, as whoever runs the program.
      const env = { LD_DEBUG: 'files', LD_DEBUG_OUTPUT: join(traces, 'linker'), ODD: `'"$(id)\n\\ \t` };
      const { id } = await provisioned('printf "%s" "$ODD" >odd', { env });
      const { user } = confinementOf(id);
      const owners = readdirSync(traces).map((name) => statSync(join(traces, name)).uid);
      expect(owners.length).toBeGreaterThan(0);
      expect(new Set(owners)).toEqual(new Set([user]));
      expect(readFileSync(join(directory, id, 'work', 'odd'), 'utf8')).toBe(env.ODD);
      expect(readdirSync(runOf(id)).filter((name) => name.startsWith('variables'))).toEqual([]);
    });

    it.each([
      ['its group of the kernel', () => {}],
      ['its user, where there is no such group', withoutCgroup],
    ])('and all of it ends by %s, however it has tried to get away', async (_, prepare) => {
      const { id, leader } = await provisioned(ESCAPED);
      const daemon = await daemonOf(id);
      prepare(id);
      await provider.deprovision(id);
      expect([leader, daemon].filter(isAlive)).toEqual([]);
      expect((await provider.status(id)).state).toBe('missing');
    });

    it('to whom the program has to be open, which is said before anything is started or ended', async () => {
      const closed = join(directory, '..', 'closed');
      mkdirSync(closed, { mode: 0o700 });
      await expect(provisioned('', { workingDirectory: closed })).rejects.toThrow(
        `${closed} is not open to other users, and as root`,
      );
      const program = join(closed, 'program');
      writeFileSync(program, '#!/bin/sh\n', { mode: 0o755 });
      await expect(provisioned('', { command: [program] })).rejects.toThrow(/is not open to other users/);
    });

    it('unless the control plane is told that all share its own', async () => {
      provider = new ProcessProvider({ directory, users: 'same' });
      const { id, pid } = await provisioned('');
      expect(confinementOf(id).user).toBeUndefined();
      expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^Uid:(\t0){4}$/m);
      expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^NoNewPrivs:\t0$/m);
    });
  });

  describe('where it is the control plane’s own user', () => {
    beforeEach(() => {
      provider = new ProcessProvider({ directory, stopGrace: '300ms', users: 'same' });
    });

    const attacks: [string, string][] = [
      [
        'overwrites the note of its identity with nonsense',
        'for f in ../run.*/identity; do echo x >$f; done',
      ],
      [
        'overwrites the note of its identity with that of a process that is gone',
        'for f in ../run.*/identity; do echo "999999 1@x" >$f; done',
      ],
      ['removes the notes of its start', 'rm -r ../run.*'],
      ['removes all that is known of it', 'rm -r "$(dirname "$PWD")"'],
    ];
    it.each(attacks)('ends one that %s', async (_, attack) => {
      const { id, leader } = await provisioned(
        `sleep 0.1; echo ready; (setsid sleep 3600 & echo daemon $!)\n`,
      );
      const daemon = await daemonOf(id);
      withoutCgroup(id);
      execFileSync('/bin/sh', ['-c', attack], { cwd: join(directory, id, 'work') });
      await provider.deprovision(id);
      expect([leader, daemon].filter(isAlive)).toEqual([]);
      expect(existsSync(join(directory, id))).toBe(false);
    });

    it('does not call one gone of which nothing tells any more what it is: that is an error, and all is kept', async () => {
      const { id, leader } = await provisioned('', {
        command: ['/bin/sh', '-c', 'echo ready; exec env -i sleep 3600'],
      });
      await eventually(() => readFileSync(`/proc/${leader.pid}/environ`, 'utf8') === '');
      withoutCgroup(id);
      const [file] = [join(runOf(id), 'identity')];
      const genuine = readFileSync(file, 'utf8');
      writeFileSync(file, 'x');
      for (let i = 0; i < 2; i++)
        await expect(provider.deprovision(id)).rejects.toThrow(/cannot be told.*identity cannot be read/);
      expect(isAlive(leader)).toBe(true);
      expect((await provider.status(id)).state).not.toBe('missing');
      const closed = readdirSync(join(directory, id)).find((name) => name.startsWith('ended.'))!;
      writeFileSync(join(directory, id, closed, 'identity'), genuine);
      await provider.deprovision(id);
      expect(isAlive(leader)).toBe(false);
    });
  });

  it('gets no descriptor that the control plane was started with', async () => {
    provider = new ProcessProvider({ directory });
    const source = `
      import { ProcessProvider } from ${JSON.stringify(new URL('./process.provider.ts', import.meta.url).href)};
      const provider = new ProcessProvider({ directory: ${JSON.stringify(directory)} });
      const [instanceId, tenantId] = ${JSON.stringify([newId('instance'), newId('tenant')])};
      const list = 'ls -l /proc/self/fd | grep -c passwd; ';
      const spec = { command: ['/bin/sh', '-c', list + 'echo listed; exec sleep 3600'] };
      await provider.provision({ instanceId, tenantId, name: 'web', spec, labels: {} });
      const { stdout } = await provider.exec(instanceId, ['/bin/sh', '-c', list + 'true']);
      for (;;) {
        const lines = await provider.logs(instanceId);
        if (lines.includes('listed')) { console.log(lines[0].trim(), stdout.trim()); break; }
      }
      await provider.deprovision(instanceId);
      process.exit();
    `;
    const node = `exec "$0" --import tsx --input-type=module --eval "$1" 7</etc/passwd 20</etc/passwd`;
    const child = spawn('/bin/bash', ['-c', node, process.execPath, source], {
      cwd: fileURLToPath(new URL('../../../..', import.meta.url)),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    for await (const chunk of child.stdout) said += String(chunk);
    expect(said).toBe('0 0\n');
  });
});
