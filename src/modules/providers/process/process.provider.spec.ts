import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type InstanceId, newId } from '../../ids/typed-id.js';
import { providerContract } from '../provider.contract.js';
import { ProviderUnavailableError, ProvisionFailedError } from '../provider.errors.js';
import { type Endpoint, type InstanceSpec, type ProvisionRequest } from '../provider.js';
import { BrokenInstanceError, UnsupportedPlatformError } from './process.errors.js';
import { isAlive, type ProcessIdentity, readProcessIdentity } from './process-identity.js';
import { ProcessProvider } from './process.provider.js';
import { pollUntil } from '../waiting.js';

/** Then instances have users of their own. */
const IS_ROOT = process.getuid?.() === 0;

const SLEEPER: InstanceSpec = {
  command: ['/bin/sh', '-c', 'echo ready; exec sleep 3600'],
  env: { GREETING: 'hello' },
};

describe('ProcessProvider', () => {
  for (const { name, run } of providerContract(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'provider-contract-'));
    const provider = new ProcessProvider({ directory });
    const elsewhere = join(directory, 'elsewhere');
    return {
      provider,
      spec: SLEEPER,
      sibling: () => new ProcessProvider({ directory }),
      stranger: async () => new ProcessProvider({ directory: elsewhere }),
      teardown: () => rm(directory, { recursive: true }),
    };
  }))
    it(name, run);

  let directory: string;
  let provider: ProcessProvider;

  beforeEach(async () => {
    const parent = await mkdtemp(join(tmpdir(), 'process-provider-'));
    await chmod(parent, 0o755);
    directory = join(parent, 'instances');
    provider = new ProcessProvider({ directory, stopGrace: '300ms' });
  });

  afterEach(async () => {
    for (const { instanceId } of await provider.list()) await provider.deprovision(instanceId);
    await rm(join(directory, '..'), { recursive: true });
  });

  function request(spec: Partial<InstanceSpec> = {}): ProvisionRequest {
    const instanceId = newId('instance');
    return { instanceId, tenantId: newId('tenant'), name: 'web', spec: { ...SLEEPER, ...spec }, labels: {} };
  }

  async function provisioned(spec?: Partial<InstanceSpec>): Promise<{ id: InstanceId; pid: number }> {
    const made = await provider.provision(request(spec));
    return { id: made.instanceId, pid: Number(made.ref) };
  }

  const logged = (id: InstanceId, line: string) =>
    eventually(async () => (await provider.logs(id)).includes(line), `"${line}" in the log`);

  const runOf = (id: InstanceId) => {
    const name = readdirSync(join(directory, id)).find((entry) => entry.startsWith('run.'));
    return join(directory, id, name!);
  };

  describe('what an instance sees', () => {
    it('is its own environment and nothing of the secrets of the control plane', async () => {
      process.env.DATABASE_URL = 'postgres://user:hunter2@localhost/db';
      process.env.WORKERS_TOKEN = 'hunter2';
      try {
        const command = ['/bin/sh', '-c', 'env >env.txt; echo written; exec sleep 3600'];
        const { id } = await provisioned({
          command,
          env: { A: 'b=c', EMPTY: '' },
          ports: [{ name: 'http', env: 'PORT' }],
        });
        await logged(id, 'written');
        const [{ port }] = (await provider.status(id)).endpoints as [Endpoint];
        const lines = readFileSync(join(directory, id, 'work', 'env.txt'), 'utf8')
          .trim()
          .split('\n');
        const own = lines.filter((line) => !/^(PATH|HOME|LANG|TMPDIR|PWD|OLDPWD|SHLVL|_)=/.test(line));
        expect(own.sort()).toEqual([`A=b=c`, `CTRLPLANE_INSTANCE=${id}`, 'EMPTY=', `PORT=${port}`]);
        expect((await provider.exec(id, ['env'])).stdout).not.toContain('hunter2');
      } finally {
        delete process.env.DATABASE_URL;
        delete process.env.WORKERS_TOKEN;
      }
    });

    it('is an empty directory of its own, unless its spec names one', async () => {
      const where = ['/bin/sh', '-c', 'pwd; exec sleep 3600'];
      const own = await provisioned({ command: where });
      const told = await provisioned({ command: where, workingDirectory: '/' });
      await logged(own.id, join(directory, own.id, 'work'));
      await logged(told.id, '/');
    });

    it('takes arguments as they are, whatever a shell would make of them', async () => {
      const odd = ['$HOME', '`id`', 'a  b', '', '-n', "it's", '*', 'line\nbreak'];
      const script = 'console.log(JSON.stringify(process.argv.slice(1))); setInterval(() => {}, 1e6)';
      const { id } = await provisioned({ command: [process.execPath, '-e', script, '--', ...odd] });
      await logged(id, JSON.stringify(odd));
    });

    it('is a port that it can listen on', async () => {
      const server =
        'require("net").createServer().listen(process.env.PORT, "127.0.0.1", () => console.log("up"))';
      const { id } = await provisioned({
        command: [process.execPath, '-e', server],
        ports: [{ name: 'http', env: 'PORT' }],
      });
      await logged(id, 'up');
      const [{ host, port }] = (await provider.status(id)).endpoints as [Endpoint];
      const socket = connect(port, host);
      await once(socket, 'connect');
      socket.destroy();
    });
  });

  describe('its files', () => {
    it('are for this user alone; an instance with a user of its own may pass through to its working directory', async () => {
      const { id } = await provisioned({ env: { PASSWORD: 'hunter2' } });
      const mode = (...path: string[]) => (statSync(join(directory, id, ...path)).mode & 0o777).toString(8);
      expect([mode('..'), mode(), mode('work'), mode('spec.json'), mode('output.log')]).toEqual([
        ...(IS_ROOT ? ['711', '711', '700'] : ['700', '700', '700']),
        '600',
        '600',
      ]);
    });

    it('are gone with the instance', async () => {
      const { id } = await provisioned({
        command: ['/bin/sh', '-c', 'mkdir -p a/b; touch a/b/c; exec sleep 3600'],
      });
      await provider.deprovision(id);
      expect(readdirSync(directory)).toEqual([]);
    });

    it('begin a new log when the old one is large, and keep that one', async () => {
      const { id } = await provisioned();
      await logged(id, 'ready');
      await provider.stop(id);
      writeFileSync(join(directory, id, 'output.log'), `${'x'.repeat(10 * 1024 * 1024)}\n`);
      await provider.start(id);
      await logged(id, 'ready');
      expect(await provider.logs(id, { tail: 1 })).toEqual(['ready']);
      expect((await provider.logs(id, { tail: 2 }))[0]).toMatch(/^x+$/);
      expect(statSync(join(directory, id, 'output.log.1')).size).toBe(10 * 1024 * 1024 + 1);
    });
  });

  describe('ports', () => {
    it('of a stopped instance are given to no other, also by a control plane that was started since', async () => {
      const { id } = await provisioned();
      await provider.stop(id);
      const file = join(directory, id, 'spec.json');
      const record = JSON.parse(readFileSync(file, 'utf8')) as { ports: Record<string, number> };
      // All of the range but its first hundred.
      for (let port = 20_100; port < 32_768; port++) record.ports[`p${port}`] = port;
      writeFileSync(file, JSON.stringify(record));
      const later = new ProcessProvider({ directory });
      const ports = Array.from({ length: 10 }, (_, n) => ({ name: `p${n}`, env: `P${n}` }));
      const { endpoints } = await later.provision(request({ ports }));
      expect(endpoints.map(({ port }) => port).filter((port) => port >= 20_100)).toEqual([]);
      expect(endpoints).toHaveLength(10);
    });

    it('come back with a spec that has them again', async () => {
      const { id } = await provisioned({ ports: [{ name: 'constructor', env: 'PORT' }] });
      const { endpoints } = await provider.status(id);
      await provider.deploy(id, { ...SLEEPER, ports: [{ name: 'other', env: 'PORT' }] });
      expect((await provider.status(id)).endpoints).toEqual([
        { name: 'other', host: '127.0.0.1', port: expect.any(Number) },
      ]);
      await provider.rollback(id);
      expect((await provider.status(id)).endpoints).toEqual(endpoints);
    });
  });

  describe('a program that cannot be run', () => {
    const reasonOf = async (spec: Partial<InstanceSpec>) => {
      const wanted = request({ env: { PASSWORD: 'hunter2' }, ...spec });
      const error = await provider.provision(wanted).then(
        () => undefined,
        (thrown: Error) => thrown,
      );
      expect(error).toBeInstanceOf(ProvisionFailedError);
      expect((await provider.status(wanted.instanceId)).state).not.toBe('running');
      return error!.message.replace(`Instance ${wanted.instanceId} could not be started: `, '');
    };

    it('is named with the reason', async () => {
      expect(await reasonOf({ command: ['no-such-program'] })).toBe(
        '"no-such-program" cannot be run: is in no directory of PATH: give its full path, or extend PATH in env',
      );
      expect(await reasonOf({ command: ['/etc/passwd'] })).toMatch(
        /^"\/etc\/passwd" cannot be run: .*permissions$/,
      );
      expect(await reasonOf({ command: ['/'] })).toBe('"/" cannot be run: / is a directory');
      expect(await reasonOf({ workingDirectory: '/no/such/place' })).toBe(
        '"/bin/sh" cannot be run: its working directory /no/such/place is no directory',
      );
    });

    it('is refused, with nothing left of it, when its environment is larger than the system takes', async () => {
      const wanted = request({ env: { LARGE: 'x'.repeat(4 * 1024 * 1024) } });
      await expect(provider.provision(wanted)).rejects.toThrow(/spec\.env\.LARGE: has \d+ bytes: a process/);
      expect((await provider.status(wanted.instanceId)).state).toBe('missing');
    });

    it('does not disturb the instance that runs when it comes by a deploy', async () => {
      const { id } = await provisioned();
      const before = await provider.status(id);
      await expect(provider.deploy(id, { command: ['no-such-program'] })).rejects.toThrow(
        ProvisionFailedError,
      );
      expect(await provider.status(id)).toEqual(before);
      await provider.restart(id);
      expect((await provider.status(id)).state).toBe('running');
    });

    it('is looked for in the PATH that it is given', async () => {
      mkdirSync(join(directory, 'bin'), { recursive: true });
      writeFileSync(join(directory, 'bin', 'greet'), '#!/bin/sh\necho from $0\nexec /bin/sleep 3600\n', {
        mode: 0o755,
      });
      const { id } = await provisioned({ command: ['greet'], env: { PATH: join(directory, 'bin') } });
      await logged(id, `from ${join(directory, 'bin', 'greet')}`);
      rmSync(join(directory, 'bin'), { recursive: true });
    });
  });

  describe('the end of an instance', () => {
    it('comes by SIGKILL when it ignores SIGTERM for longer than the grace', async () => {
      const { id, pid } = await provisioned({
        command: ['/bin/sh', '-c', 'trap "echo no" TERM; echo armed; while :; do sleep 0.05; done'],
      });
      const identity = readProcessIdentity(pid)!;
      await logged(id, 'armed');
      const start = performance.now();
      await provider.stop(id);
      expect(performance.now() - start).toBeGreaterThanOrEqual(299);
      expect(isAlive(identity)).toBe(false);
      expect(await provider.logs(id)).toContain('no');
      expect((await provider.status(id)).state).toBe('stopped');
    });

    it('comes at once when it obeys SIGTERM, and leaves it time to finish', async () => {
      const patient = new ProcessProvider({ directory, stopGrace: '1m' });
      const { instanceId } = await patient.provision(
        request({
          command: [process.execPath, '-e', PATIENT_PROGRAM],
        }),
      );
      await logged(instanceId, 'armed');
      await patient.stop(instanceId);
      expect(await patient.logs(instanceId, { tail: 1 })).toEqual(['finished']);
    });

    it('can be waited for no longer, and asked for again', async () => {
      const { id, pid } = await provisioned({
        command: ['/bin/sh', '-c', 'trap "echo no" TERM; echo armed; while :; do sleep 0.05; done'],
      });
      const identity = readProcessIdentity(pid)!;
      await logged(id, 'armed');
      const patient = new ProcessProvider({ directory, stopGrace: '1m' });
      const reason = new Error('shutting down');
      const controller = new AbortController();
      const stopping = patient.deprovision(id, controller.signal);
      await logged(id, 'no');
      controller.abort(reason);
      await expect(stopping).rejects.toBe(reason);
      expect(await provider.status(id)).toMatchObject({ state: 'running', ref: String(pid) });
      await provider.deprovision(id);
      expect(isAlive(identity)).toBe(false);
      expect((await provider.status(id)).state).toBe('missing');
    });

    it('takes its children with it, also those that outlive the program itself', async () => {
      const { id, pid } = await provisioned({
        command: ['/bin/sh', '-c', 'sleep 3600 & echo child $!; kill -9 $$'],
      });
      await eventually(async () => (await provider.status(id)).state === 'exited', 'the state exited');
      const child = await childOf(id);
      expect(isAlive(child)).toBe(true);
      expect(readProcessIdentity(pid)).toBeUndefined();
      await provider.stop(id);
      expect(isAlive(child)).toBe(false);
    });

    it('never takes a process that has got the pid of one that is gone', async () => {
      const { id, pid } = await provisioned();
      await eventually(async () => readProcessIdentity(pid) !== undefined, 'its process');
      const stranger = spawn('sleep', ['3600'], { detached: true, stdio: 'ignore', env: {} });
      const identity = readProcessIdentity(stranger.pid!)!;
      const another = identity.startTime.replace(/^\d+/, (ticks) => String(Number(ticks) - 1));
      writeFileSync(join(runOf(id), 'identity'), `${stranger.pid} ${another}\n`);
      expect((await provider.status(id)).state).toBe('exited');
      await provider.stop(id);
      expect(isAlive(identity)).toBe(true);
      expect(readProcessIdentity(pid)).toBeUndefined();
      stranger.kill('SIGKILL');
    });
  });

  async function childOf(id: InstanceId): Promise<ProcessIdentity> {
    const line = (await provider.logs(id)).find((text) => text.startsWith('child '));
    return readProcessIdentity(Number(line!.slice(6)))!;
  }

  describe('its list', () => {
    it('tells of a broken instance that it is unknown, and of the others what they are', async () => {
      const [good, broken, secret, torn] = [request(), request(), request(), request()];
      for (const one of [good, broken, secret, torn]) await provider.provision(one);
      writeFileSync(join(directory, broken.instanceId, 'spec.json'), '{ "env": "hunter2');
      rmSync(join(directory, secret.instanceId, 'spec.json'));
      const identity = join(runOf(torn.instanceId), 'identity');
      const genuine = readFileSync(identity, 'utf8');
      writeFileSync(identity, '');
      mkdirSync(join(directory, 'lost+found'));
      mkdirSync(join(directory, newId('instance'))); // what a kill in the first moment of a provision leaves
      const states = new Map((await provider.list()).map(({ instanceId, state }) => [instanceId, state]));
      expect(states).toEqual(
        new Map([
          [good.instanceId, 'running'],
          [broken.instanceId, 'unknown'],
          [secret.instanceId, 'unknown'],
          [torn.instanceId, 'unknown'],
        ]),
      );
      const starting = provider.start(broken.instanceId);
      await expect(starting).rejects.toThrow(BrokenInstanceError);
      await expect(starting).rejects.not.toThrow(/hunter2/);
      writeFileSync(identity, genuine);
    });

    it('lets a broken instance be provisioned anew, in place of what ran', async () => {
      const wanted = request();
      const before = await provider.provision(wanted);
      const identity = readProcessIdentity(Number(before.ref))!;
      writeFileSync(join(directory, wanted.instanceId, 'spec.json'), '');
      const after = await provider.provision(wanted);
      expect(after.state).toBe('running');
      expect(after.ref).not.toBe(before.ref);
      expect(isAlive(identity)).toBe(false);
    });

    it('counts a zombie as exited', async () => {
      const { id, pid } = await provisioned();
      // Our own child: until the event loop turns, nobody has taken notice of its end.
      process.kill(pid, 'SIGKILL');
      const deadline = Date.now() + 5_000;
      while (!/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')) && Date.now() < deadline);
      expect(readProcessIdentity(pid)).toBeUndefined();
      expect((await provider.status(id)).state).toBe('exited');
      await eventually(async () => (await provider.status(id)).exitCode === 128 + 9, 'the exit code');
    });
  });

  describe('exec', () => {
    it('kills the command and all that it has started when the signal aborts', async () => {
      const { id } = await provisioned();
      const controller = new AbortController();
      const running = provider.exec(
        id,
        ['/bin/sh', '-c', 'sleep 3600 & echo $! >pid; wait'],
        controller.signal,
      );
      const file = join(directory, id, 'work', 'pid');
      await eventually(async () => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'), 'its pid');
      const child = readProcessIdentity(Number(readFileSync(file, 'utf8')))!;
      expect(isAlive(child)).toBe(true);
      controller.abort(new Error('enough'));
      await expect(running).rejects.toThrow('enough');
      await eventually(async () => !isAlive(child), 'the end of the child');
    });

    it('names a command that cannot be run', async () => {
      const { id } = await provisioned();
      await expect(provider.exec(id, ['no-such-program'])).rejects.toThrow(/"no-such-program" cannot be run/);
      await expect(provider.exec(id, [])).rejects.toThrow(/expected a program at least/);
    });
  });

  describe('the provider itself', () => {
    it('says at once that it does not run on Windows', () => {
      const platform = Object.getOwnPropertyDescriptor(process, 'platform')!;
      Object.defineProperty(process, 'platform', { ...platform, value: 'win32' });
      try {
        expect(() => new ProcessProvider({ directory })).toThrow(UnsupportedPlatformError);
      } finally {
        Object.defineProperty(process, 'platform', platform);
      }
    });

    it('refuses a grace that is no duration', () => {
      expect(() => new ProcessProvider({ directory, stopGrace: '5 bananas' as '5s' })).toThrow(/5 bananas/);
    });

    it('says that it is unavailable when its directory cannot be used, and works when it can', async () => {
      const parent = join(directory, '..');
      rmSync(parent, { recursive: true });
      writeFileSync(parent, 'in the way');
      await expect(provider.healthCheck()).rejects.toThrow(ProviderUnavailableError);
      await expect(provider.provision(request())).rejects.toThrow(ProviderUnavailableError);
      rmSync(parent);
      await provider.healthCheck();
      expect((await provider.provision(request())).state).toBe('running');
    });

    it('works side by side on different instances, and one after the other on the same', async () => {
      const wanted = request();
      const calls = [
        provider.provision(wanted),
        provider.stop(wanted.instanceId),
        provider.start(wanted.instanceId),
        provider.restart(wanted.instanceId),
        provider.deprovision(wanted.instanceId),
        provider.provision(wanted),
        ...Array.from({ length: 5 }, () => provider.provision(request())),
      ];
      await Promise.all(calls);
      const all = await provider.list();
      expect(all.map(({ state }) => state)).toEqual(Array(6).fill('running'));
    });
  });
});

const PATIENT_PROGRAM = `
  process.on('SIGTERM', () => setTimeout(() => { console.log('finished'); process.exit(); }, 100));
  setInterval(() => {}, 1e6);
  console.log('armed');
`;

async function eventually(condition: () => Promise<boolean>, what: string): Promise<void> {
  if (!(await pollUntil(condition, 10_000))) throw new Error(`${what} did not come within 10 s`);
}
