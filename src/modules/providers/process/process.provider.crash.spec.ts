import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type InstanceId, newId } from '../../ids/typed-id.js';
import { type ProvisionRequest } from '../provider.js';
import { instanceMark } from './instance-environment.js';
import { hasProc } from './proc-stat.js';
import { ProcessProvider } from './process.provider.js';
import { pause, pollUntil } from '../waiting.js';

jest.setTimeout(300_000); // some tests start a dozen control planes, each of which takes most of a second

/**
 * Control planes that are killed: each is a Node process of its own, which calls a provider over a directory
 * and dies in the midst of it. Then a second one, here, repeats the call.
 */
describe('ProcessProvider, when its control plane is killed', () => {
  let directory: string;
  let provider: ProcessProvider;
  let request: ProvisionRequest;
  let planes: ChildProcess[];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'process-provider-crash-'));
    chmodSync(directory, 0o755);
    provider = new ProcessProvider({ directory });
    planes = [];
    renew();
  });

  afterEach(async () => {
    for (const plane of planes) plane.kill('SIGKILL');
    for (const { instanceId } of await provider.list()) await provider.deprovision(instanceId);
    await rm(directory, { recursive: true });
  });

  /** The next instance; each notes every start of its program in a file. */
  function renew(): void {
    const instanceId = newId('instance');
    const notes = join(directory, `starts-${instanceId}`);
    writeFileSync(notes, '');
    chmodSync(notes, 0o666); // whichever user the instance has
    request = {
      instanceId,
      tenantId: newId('tenant'),
      name: 'web',
      labels: {},
      spec: {
        command: ['/bin/sh', '-c', 'echo started >>"$STARTS"; exec sleep 3600'],
        env: { STARTS: notes },
        ports: [{ name: 'http', env: 'PORT' }],
      },
    };
  }

  const starts = () => readFileSync(request.spec.env!.STARTS!, 'utf8').split('\n').length - 1;

  /**
   * A control plane that makes the call. With `step` it kills itself right before the so-maniest change to
   * the disk or start of a process. Its stdout: `begin` before the call, `done` and the pid after it.
   */
  function controlPlane(
    call: string,
    step = Infinity,
  ): { plane: ChildProcess; said: (line: RegExp) => Promise<string> } {
    const script = CONTROL_PLANE.replace('CALL', call);
    const plane = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      cwd: fileURLToPath(new URL('../../../..', import.meta.url)),
      env: {
        ...process.env,
        PROVIDER,
        DIRECTORY: directory,
        REQUEST: JSON.stringify(request),
        STEP: String(step),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    planes.push(plane);
    const lines = createInterface(plane.stdout!);
    const heard: string[] = [];
    lines.on('line', (line) => heard.push(line));
    return {
      plane,
      said: async (pattern) => {
        const found = () => heard.find((line) => pattern.test(line));
        const over = () => plane.exitCode !== null || plane.signalCode !== null;
        await pollUntil(() => found() !== undefined || over(), 90_000);
        return found() ?? '';
      },
    };
  }

  async function expectOneProcess(): Promise<void> {
    const { ref } = await provider.status(request.instanceId);
    await pollUntil(() => starts() > 0, 5_000);
    const alone = await pollUntil(() => processesOf(request.instanceId).join() === ref, 5_000);
    if (!alone) expect(processesOf(request.instanceId)).toEqual([ref]);
  }

  it('finds its instances again, with the same pids and ports, and can end them', async () => {
    const { plane, said } = controlPlane('provision(request)');
    const pid = (await said(/^done/)).split(' ')[1];
    plane.kill('SIGKILL');
    await once(plane, 'exit');

    const adopted = await provider.status(request.instanceId);
    expect(adopted).toMatchObject({ state: 'running', ref: pid });
    expect(await provider.list()).toEqual([adopted]);
    expect(await provider.provision(request)).toEqual(adopted);
    expect(starts()).toBe(1);

    await provider.stop(request.instanceId);
    expect(processesOf(request.instanceId)).toEqual([]);
    const again = await provider.start(request.instanceId);
    expect(again.endpoints).toEqual(adopted.endpoints);
    await provider.deprovision(request.instanceId);
    expect(processesOf(request.instanceId)).toEqual([]);
    expect(readdirSync(directory).filter((name) => name.startsWith('inst_'))).toEqual([]);
  });

  it('leaves its instances alone when a Ctrl-C goes to its process group', async () => {
    const { plane, said } = controlPlane('provision(request)');
    const pid = (await said(/^done/)).split(' ')[1];
    process.kill(-plane.pid!, 'SIGINT');
    await once(plane, 'exit');
    expect(await provider.status(request.instanceId)).toMatchObject({ state: 'running', ref: pid });
  });

  it('has one process after it is killed at any step of provision, and the call is repeated', async () => {
    const steps = await atEachStep('provision(request)', async () => {
      await provider.provision(request);
      await expectOneProcess();
      expect(starts()).toBe(1);
    });
    expect(steps).toBeGreaterThanOrEqual(7);
  });

  it('has one process after it is killed at any moment after the launch, and the call is repeated', async () => {
    for (const delay of [0, 1, 2, 4]) {
      renew();
      const { plane, said } = controlPlane('provision(request)');
      await said(/^launched/);
      await pause(delay);
      plane.kill('SIGKILL');
      await once(plane, 'exit');
      await provider.provision(request);
      await expectOneProcess();
      // One that joins its run between the look and the end of that run is ended, and another one takes its place.
      expect(starts()).toBeLessThanOrEqual(2);
    }
  });

  it('has one process after it is killed at any step of restart, and the call is repeated', async () => {
    const prepare = () => provider.provision(request);
    const steps = await atEachStep(
      'restart(request.instanceId)',
      async () => {
        await provider.restart(request.instanceId);
        await expectOneProcess();
      },
      prepare,
    );
    expect(steps).toBeGreaterThanOrEqual(8);
  });

  it('has nothing left after it is killed at any step of deprovision, and the call is repeated', async () => {
    const prepare = () => provider.provision(request);
    const steps = await atEachStep(
      'deprovision(request.instanceId)',
      async () => {
        // Whatever there is in between is told as it is: the process is listed for as long as it lives.
        const listed = (await provider.list()).filter(({ state }) => state === 'running');
        expect(listed.map(({ ref }) => ref)).toEqual(processesOf(request.instanceId));
        await provider.deprovision(request.instanceId);
        expect(processesOf(request.instanceId)).toEqual([]);
        expect(existsSync(join(directory, request.instanceId))).toBe(false);
      },
      prepare,
    );
    expect(steps).toBeGreaterThanOrEqual(4);
  });

  /** Kills a control plane before its first step, the next before its second, …, until one gets through. */
  async function atEachStep(
    call: string,
    then: () => Promise<void>,
    prepare: () => Promise<unknown> = () => Promise.resolve(),
  ): Promise<number> {
    for (let step = 1; ; step++) {
      renew();
      await prepare();
      const { plane, said } = controlPlane(call, step);
      const done = await said(/^done/);
      plane.kill('SIGKILL');
      if (plane.signalCode === null) await once(plane, 'exit');
      await then();
      await provider.deprovision(request.instanceId);
      if (done) return step - 1;
      expect(plane.signalCode).toBe('SIGKILL');
    }
  }
});

const PROVIDER = new URL('./process.provider.ts', import.meta.url).href;

const CONTROL_PLANE = `
  import fs from 'node:fs/promises';
  import childProcess from 'node:child_process';
  import { syncBuiltinESMExports } from 'node:module';

  let step = 0;
  let armed = false;
  const beforeEach = (module, name) => {
    const real = module[name];
    module[name] = (...args) => {
      if (armed && ++step === Number(process.env.STEP)) process.kill(process.pid, 'SIGKILL');
      return real(...args);
    };
  };
  for (const name of ['mkdir', 'rename', 'rm', 'writeFile', 'open']) beforeEach(fs, name);
  const { spawn } = childProcess;
  childProcess.spawn = (...args) => {
    const child = spawn(...args);
    process.stdout.write('launched\\n');
    return child;
  };
  beforeEach(childProcess, 'spawn');
  syncBuiltinESMExports();

  const { ProcessProvider } = await import(process.env.PROVIDER);
  const provider = new ProcessProvider({ directory: process.env.DIRECTORY });
  const request = JSON.parse(process.env.REQUEST);
  armed = true;
  await provider.CALL;
  armed = false;
  console.log('done', (await provider.status(request.instanceId)).ref);
  setInterval(() => {}, 1e6);
`;

/** The pids of all that carries the mark of the instance, its launchers too. */
function processesOf(id: InstanceId): string[] {
  const mark = instanceMark({ key: id });
  if (!hasProc()) {
    const lines = execFileSync('ps', ['axeww', '-o', 'pid=,command='], { encoding: 'utf8' }).split('\n');
    return lines.filter((line) => line.includes(mark)).map((line) => line.trim().split(' ')[0]!);
  }
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(mark);
    } catch {
      return false;
    }
  });
}
