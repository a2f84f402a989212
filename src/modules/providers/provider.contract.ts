import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { contract, type ContractCase } from '../../core/testing/contract-case.js';
import { InvalidIdError } from '../ids/id.errors.js';
import { type InstanceId, newId } from '../ids/typed-id.js';
import { InvalidInputError } from '../input/input.errors.js';
import {
  CapabilityNotSupportedError,
  ImageMissingError,
  InstanceNotProvisionedError,
  InstanceNotRunningError,
  NothingToRollBackError,
  PortTakenError,
  ProvisionFailedError,
  SpecNotSupportedError,
} from './provider.errors.js';
import {
  type Capability,
  type InstanceSpec,
  LABELS,
  type Provider,
  type ProvisionRequest,
} from './provider.js';
import { SERVICE_CASES } from './provider-services.contract.js';
import { eventually, type ProviderUnderTest, type Subject, subjectOf } from './provider-subject.js';
import { specHash } from './spec-hash.js';

export { type ProviderUnderTest };

/** What every `Provider` keeps, as cases for any test runner. Each has a provider of its own from `setup`. */
export function providerContract(setup: () => Promise<ProviderUnderTest>): ContractCase[] {
  return contract(() => subjectOf(setup), { ...CASES, ...SERVICE_CASES });
}

const CASES: Record<string, (subject: Subject) => Promise<void>> = {
  'gives what an instance was made from, where it keeps that, also once it has stopped': async ({
    provider,
    request,
  }) => {
    if (!provider.notes) return;
    const wanted = request();
    const assertNoted = async () => {
      const { labels, ...notes } = (await provider.notes!(wanted.instanceId))!;
      // Those of the control plane are added.
      assert.deepEqual({ ...notes, labels: { ...labels, ...wanted.labels } }, { ...wanted, labels });
    };
    assert.equal(await provider.notes(wanted.instanceId), undefined);
    await provider.provision(wanted);
    await assertNoted();
    await provider.stop(wanted.instanceId);
    await assertNoted();
    await provider.deprovision(wanted.instanceId);
    assert.equal(await provider.notes(wanted.instanceId), undefined);
  },
  'makes an instance run, and lists it with its labels, id and tenant among them': async ({
    provider,
    request,
  }) => {
    const wanted = request();
    const { instanceId, tenantId } = wanted;
    const made = await provider.provision(wanted);
    assert.equal(made.state, 'running');
    assert.equal(made.instanceId, instanceId);
    assert.equal(made.tenantId, tenantId);
    assert.ok(made.ref, 'it has no ref');
    assert.ok(Math.abs(Date.now() - Number(made.startedAt)) < 60_000, `started at ${String(made.startedAt)}`);
    const labels = { ...wanted.labels, [LABELS.instance]: instanceId, [LABELS.tenant]: tenantId };
    assert.deepEqual(made.labels, labels);
    assert.deepEqual(await provider.status(instanceId), made);
    assert.deepEqual(await provider.list(), [made]);
  },
  'returns the instance that runs already under an id': async ({ provider, request }) => {
    const wanted = request();
    const made = await provider.provision(wanted);
    assert.deepEqual(await provider.provision(wanted), made);
    assert.deepEqual(await provider.start(wanted.instanceId), made);
    assert.equal((await provider.list()).length, 1);
  },
  'makes one instance of two simultaneous calls': async ({ provider, request }) => {
    const wanted = request();
    const [one, other] = await Promise.all([provider.provision(wanted), provider.provision(wanted)]);
    assert.equal(one.ref, other.ref);
    assert.equal((await provider.list()).length, 1);
  },
  'has nothing of an id that it does not know, and is content when told to remove it': async ({
    provider,
  }) => {
    const id = newId('instance');
    await provider.stop(id);
    await provider.deprovision(id);
    const { state, labels, endpoints } = await provider.status(id);
    assert.deepEqual({ state, labels, endpoints }, { state: 'missing', labels: {}, endpoints: [] });
    assert.deepEqual(await provider.list(), []);
  },
  'refuses all else for an id that it does not know': async ({ provider, spec }) => {
    for (const { name, call } of callsOn(provider, newId('instance'), spec))
      if (!CONTENT_WITH_NOTHING.has(name)) await assert.rejects(call(), InstanceNotProvisionedError, name);
  },
  'keeps a stopped instance, and runs it again when told to start or to provision it': async ({
    provider,
    request,
  }) => {
    const wanted = request();
    const id = wanted.instanceId;
    await provider.provision(wanted);
    await provider.stop(id);
    await provider.stop(id);
    const stopped = await provider.status(id);
    assert.equal(stopped.state, 'stopped');
    assert.deepEqual(await provider.list(), [stopped]);
    assert.equal((await provider.start(id)).state, 'running');
    await provider.stop(id);
    assert.equal((await provider.provision(wanted)).state, 'running');
  },
  'restarts a running instance and one that is stopped': async ({ provider, request }) => {
    const wanted = request();
    const before = await provider.provision(wanted);
    const after = await provider.restart(wanted.instanceId);
    assert.equal(after.state, 'running');
    assert.notEqual(Number(after.startedAt), Number(before.startedAt));
    await provider.stop(wanted.instanceId);
    assert.equal((await provider.restart(wanted.instanceId)).state, 'running');
  },
  'tells of a program that has ended by itself, and starts it again': async ({ provider, spec, request }) => {
    const wanted = request();
    const command = ['/bin/sh', '-c', 'exit 3'];
    const { startedAt } = await provider.provision({ ...wanted, spec: { ...spec, command } });
    const exited = async () => (await provider.status(wanted.instanceId)).state === 'exited';
    await eventually(exited, 'the state `exited`');
    const { exitCode } = await provider.status(wanted.instanceId);
    assert.ok(exitCode === 3 || exitCode === undefined, `exit code ${exitCode}`);
    assert.notEqual(Number((await provider.start(wanted.instanceId)).startedAt), Number(startedAt));
  },
  'leaves nothing of an instance that it deprovisions, running or stopped, and takes its id again': async ({
    provider,
    request,
  }) => {
    const [running, stopped] = [request(), request()];
    await provider.provision(running);
    await provider.provision(stopped);
    await provider.stop(stopped.instanceId);
    for (const { instanceId } of [running, stopped]) {
      await provider.deprovision(instanceId);
      await provider.deprovision(instanceId);
      assert.equal((await provider.status(instanceId)).state, 'missing');
    }
    assert.deepEqual(await provider.list(), []);
    assert.equal((await provider.provision(running)).state, 'running');
  },
  'gives each port a number of its own, tells it by the environment, and keeps it over restarts': async ({
    provider,
    spec,
    request,
  }) => {
    const ports = ['web', 'admin'].map((name) => ({ name, env: `${name.toUpperCase()}_PORT` }));
    const [one, other] = [request(), request()];
    for (const wanted of [one, other]) await provider.provision({ ...wanted, spec: { ...spec, ports } });
    const all = await provider.list();
    const numbers = all.flatMap(({ endpoints }) => endpoints.map((endpoint) => endpoint.port));
    assert.equal(new Set(numbers).size, 4, `of two instances with two ports each: ${numbers.join(', ')}`);
    const { endpoints } = await provider.status(one.instanceId);
    assert.deepEqual(endpoints.map(({ name }) => name).sort(), ['admin', 'web']);
    if (provider.capabilities().has('exec')) {
      const told = await provider.exec(one.instanceId, ['/bin/sh', '-c', 'echo $WEB_PORT $ADMIN_PORT']);
      assert.match(told.stdout, /^\d+ \d+\n$/);
    }
    await provider.stop(one.instanceId);
    assert.deepEqual((await provider.start(one.instanceId)).endpoints, endpoints);
    assert.deepEqual((await provider.restart(one.instanceId)).endpoints, endpoints);
  },
  'names a program that does not exist, tells no secret, and runs nothing': async ({
    provider,
    spec,
    request,
  }) => {
    const wanted = request();
    const env = { ...spec.env, PASSWORD: 'hunter2' };
    const broken = { ...wanted, spec: { ...spec, env, command: ['no-such-program'] } };
    await assert.rejects(provider.provision(broken), (error: Error) => {
      assert.ok(error instanceof ProvisionFailedError, String(error));
      assert.match(error.message, /no-such-program/);
      assert.ok(!error.message.includes('hunter2'), 'it tells a secret');
      return true;
    });
    assert.notEqual((await provider.status(wanted.instanceId)).state, 'running');
    assert.equal((await provider.provision(wanted)).state, 'running');
  },
  'refuses requests that cannot be right, and tells no secret': async ({ provider, spec, request }) => {
    const faults: [RegExp, Partial<InstanceSpec>][] = [
      [/spec\.command/, { command: [''] }],
      [/spec\.command/, { command: [], image: undefined }],
      [/spec\.command\.1/, { command: ['sh', 'a\0b'] }],
      [/spec\.env.*"A=B"/, { env: { 'A=B': 'hunter2' } }],
      [/spec\.env\.TOKEN/, { env: { TOKEN: 'hunter2\0' } }],
      [/spec\.workingDirectory.*"tmp"/, { workingDirectory: 'tmp' }],
      [/spec\.ports\.0\.env.*TOKEN/, { env: { TOKEN: 'hunter2' }, ports: [{ name: 'http', env: 'TOKEN' }] }],
    ];
    for (const [fault, part] of faults) {
      await assert.rejects(
        provider.provision({ ...request(), spec: { ...spec, ...part } }),
        (error: Error) => {
          assert.ok(error instanceof InvalidInputError, String(error));
          assert.match(error.message, fault);
          assert.ok(!error.message.includes('hunter2'), 'it tells a secret');
          return true;
        },
      );
    }
    const labels = { team: 'two\nlines' };
    await assert.rejects(provider.provision({ ...request(), labels }), /labels\.team/);
    assert.deepEqual(await provider.list(), []);
  },
  'refuses a malformed id in every call': async ({ provider, spec, request }) => {
    const malformed = '../inst_01h455vb4pex5vsknk084sn02q' as InstanceId;
    await assert.rejects(provider.provision({ ...request(), instanceId: malformed }), InvalidIdError);
    for (const { name, call } of callsOn(provider, malformed, spec))
      await assert.rejects(call(), InvalidIdError, name);
  },
  'rejects with the reason of a signal that has aborted, and changes nothing': async ({
    provider,
    spec,
    request,
  }) => {
    const [made, never] = [request(), request()];
    const before = await provider.provision(made);
    const reason = new Error('shutting down');
    const signal = AbortSignal.abort(reason);
    const isReason = (error: unknown) => error === reason;
    await assert.rejects(provider.provision(never, signal), isReason);
    await assert.rejects(provider.list(signal), isReason);
    await assert.rejects(provider.stats(signal), isReason);
    await assert.rejects(provider.storeId(signal), isReason);
    if (provider.healthCheck) await assert.rejects(provider.healthCheck(signal), isReason);
    for (const { name, call } of callsOn(provider, made.instanceId, spec))
      await assert.rejects(call(signal), isReason, name);
    assert.deepEqual(await provider.list(), [before]);
  },
  'says that it cannot what is not among its capabilities': async ({ provider, spec, request }) => {
    const { instanceId } = await provider.provision(request());
    for (const { name, call } of callsOn(provider, instanceId, spec, false))
      await assert.rejects(call(), CapabilityNotSupportedError, name);
  },
  'deploys another spec, and rolls back to the one before however often it is told to': async ({
    provider,
    spec,
    request,
  }) => {
    const can = provider.capabilities();
    if (!can.has('deploy') || !can.has('rollback') || !can.has('exec')) return;
    const { instanceId } = await provider.provision(request());
    const greets = async (greeting: string) => {
      const { stdout } = await provider.exec(instanceId, ['/bin/sh', '-c', 'echo $GREETING']);
      assert.equal(stdout, `${greeting}\n`);
    };
    await assert.rejects(provider.rollback(instanceId), NothingToRollBackError);
    const next = { ...spec, env: { ...spec.env, GREETING: 'good evening' } };
    for (let repeat = 0; repeat < 2; repeat++) {
      assert.equal((await provider.deploy(instanceId, next)).state, 'running');
      await greets('good evening');
    }
    for (let repeat = 0; repeat < 2; repeat++) {
      assert.equal((await provider.rollback(instanceId)).state, 'running');
      await greets('hello');
    }
  },
  'tells what an instance uses while it runs': async ({ provider, request }) => {
    if (!provider.capabilities().has('resources')) return;
    const { instanceId } = await provider.provision(request());
    const { cpuPercent, memoryBytes, readAt } = await provider.resources(instanceId);
    assert.ok(cpuPercent >= 0 && cpuPercent < 100 * 1_024, `CPU ${cpuPercent} %`);
    assert.ok(memoryBytes > 100_000 && memoryBytes < 2 ** 40, `memory ${memoryBytes} bytes`);
    assert.ok(Math.abs(Date.now() - readAt.getTime()) < 60_000, `read at ${readAt.toISOString()}`);
    await provider.stop(instanceId);
    await assert.rejects(provider.resources(instanceId), InstanceNotRunningError);
  },
  'keeps the identity of its store, and shares it with no other': async ({ provider, sibling, stranger }) => {
    const id = await provider.storeId();
    assert.match(id, /^\S{8,128}$/);
    assert.equal(await provider.storeId(), id);
    if (sibling) assert.equal(await sibling().storeId(), id);
    assert.notEqual(await (await stranger()).storeId(), id);
  },
  'says what an instance was started from, and whether it is to run': async ({ provider, spec, request }) => {
    const wanted = request();
    const id = wanted.instanceId;
    const said = async () => {
      const [listed] = await provider.list();
      return [listed?.specHash, listed?.desiredState];
    };
    await provider.provision(wanted);
    assert.deepEqual(await said(), [specHash(spec), 'running']);
    if (provider.capabilities().has('deploy')) {
      const next = { ...spec, env: { ...spec.env, GREETING: 'good evening' } };
      await provider.deploy(id, next);
      assert.deepEqual(await said(), [specHash(next), 'running']);
      await provider.deploy(id, spec);
    }
    await provider.stop(id);
    assert.deepEqual(await said(), [specHash(spec), 'stopped']);
    await provider.start(id);
    assert.deepEqual(await said(), [specHash(spec), 'running']);
  },
  'reads all that run at once, in counters that only grow, and leaves out what does not run': async ({
    provider,
    spec,
    request,
  }) => {
    const [busy, idle, stopped] = [request(), request(), request()];
    const work = 'echo ready; while :; do :; done';
    await provider.provision({ ...busy, spec: { ...spec, command: ['/bin/sh', '-c', work] } });
    await provider.provision(idle);
    await provider.provision(stopped);
    await provider.stop(stopped.instanceId);
    const of = async ({ instanceId }: ProvisionRequest) =>
      (await provider.stats()).find((stats) => stats.instanceId === instanceId);
    const all = await provider.stats();
    const ids = all.map(({ instanceId }) => instanceId).sort();
    assert.deepEqual(ids, [busy.instanceId, idle.instanceId].sort());
    const first = (await of(busy))!;
    assert.equal(first.tenantId, busy.tenantId);
    assert.equal(first.labels[LABELS.workload], busy.labels[LABELS.workload]);
    assert.ok(Math.abs(Date.now() - first.readAt.getTime()) < 60_000, `read at ${String(first.readAt)}`);
    assert.ok(
      Math.abs(Date.now() - Number(first.startedAt)) < 60_000,
      `started at ${String(first.startedAt)}`,
    );
    for (const [name, value] of Object.entries(first))
      if (typeof value === 'number') assert.ok(value >= 0 && value < 2 ** 50, `${name} ${value}`);
    if (first.cpuSeconds !== null) {
      const grown = async () => (await of(busy))!.cpuSeconds! > first.cpuSeconds!;
      await eventually(grown, 'CPU time of what is busy');
      assert.ok((await of(idle))!.cpuSeconds! < (await of(busy))!.cpuSeconds!);
    }
  },
  'reads each that runs by itself, where it can, as it reads all of them': async ({ provider, request }) => {
    if (!provider.statsReaders) return;
    const [running, ended, stopped] = [request(), request(), request()];
    for (const each of [running, ended, stopped]) await provider.provision(each);
    await provider.stop(stopped.instanceId);
    const readers = await provider.statsReaders();
    assert.deepEqual(
      readers.map(({ instanceId }) => instanceId).sort(),
      [running.instanceId, ended.instanceId].sort(),
    );
    await provider.stop(ended.instanceId);
    const readings = await Promise.all(readers.map(({ read }) => read()));
    const together = await Promise.all(
      readers.map(async ({ readTogether, read }) => (await readTogether?.()) ?? read()),
    );
    const known = (found: typeof readings) => found.map((stats) => stats?.instanceId);
    assert.deepEqual(known(together), known(readings));
    const [alone, ...none] = readings.filter((stats) => stats !== undefined);
    assert.deepEqual(none, []);
    const [all] = await provider.stats();
    assert.equal(alone!.instanceId, running.instanceId);
    assert.deepEqual(Object.keys(alone!), Object.keys(all!));
    assert.deepEqual(alone!.startedAt, all!.startedAt);
    const reason = new Error('shutting down');
    const isReason = (error: unknown) => error === reason;
    await assert.rejects(provider.statsReaders(AbortSignal.abort(reason)), isReason);
    await assert.rejects(readers[0]!.read(AbortSignal.abort(reason)), isReason);
    await assert.rejects((readers[0]!.readTogether ?? readers[0]!.read)(AbortSignal.abort(reason)), isReason);
  },
  'tells whoever watches of a program that ends by itself, and of what is done to others': async ({
    provider,
    spec,
    request,
  }) => {
    const [brief, other] = [request(), request()];
    const controller = new AbortController();
    const seen = new Set<string>();
    const watching = (async () => {
      for await (const { instanceId, change } of provider.watch(controller.signal))
        seen.add(`${change} ${instanceId}`);
    })();
    await provider.provision({
      ...brief,
      spec: { ...spec, command: ['/bin/sh', '-c', 'sleep 0.2; exit 3'] },
    });
    await provider.provision(other);
    await eventually(async () => seen.has(`exited ${brief.instanceId}`), 'the word of its end');
    await provider.stop(other.instanceId);
    await eventually(async () => seen.has(`changed ${other.instanceId}`), 'the word of the change');
    assert.ok(!seen.has(`exited ${other.instanceId}`), 'it calls a stop an exit');
    controller.abort();
    await watching;
    for await (const change of provider.watch(AbortSignal.abort())) assert.fail(JSON.stringify(change));
  },
  'names a port that something else has taken': async ({ provider, spec, request }) => {
    const wanted = { ...request(), spec: { ...spec, ports: [{ name: 'web', env: 'WEB_PORT' }] } };
    const { endpoints } = await provider.provision(wanted);
    await provider.stop(wanted.instanceId);
    const { port, host } = endpoints[0]!;
    const intruder = createServer();
    await new Promise<void>((resolve) => intruder.listen(port, host, resolve));
    try {
      await assert.rejects(provider.start(wanted.instanceId), (error: Error) => {
        assert.ok(error instanceof PortTakenError, String(error));
        assert.match(error.message, new RegExp(String(port)));
        return true;
      });
    } finally {
      await new Promise((resolve) => intruder.close(resolve));
    }
    assert.equal((await provider.start(wanted.instanceId)).state, 'running');
  },
  'names an image that does not exist': async ({ provider, missingImage, request }) => {
    if (!missingImage) return;
    await assert.rejects(provider.provision({ ...request(), spec: missingImage }), ImageMissingError);
  },
  'returns the last lines of the log, and refuses a number of lines that makes no sense': async ({
    provider,
    request,
  }) => {
    if (!provider.capabilities().has('logs')) return;
    const { instanceId } = await provider.provision(request());
    await eventually(
      async () => (await provider.logs(instanceId)).includes('ready'),
      'the line `ready` in its log',
    );
    assert.deepEqual(await provider.logs(instanceId, { tail: 0 }), []);
    assert.equal((await provider.logs(instanceId, { tail: 1 })).length, 1);
    for (const tail of [-1, 1.5, NaN, 1e9])
      await assert.rejects(provider.logs(instanceId, { tail }), InvalidInputError);
  },
  'gives the lines since a time, or says that it cannot': async ({ provider, spec, request }) => {
    if (!provider.capabilities().has('logs')) return;
    const command = ['/bin/sh', '-c', 'echo before; sleep 2; echo after; exec sleep 3600'];
    const { instanceId } = await provider.provision({ ...request(), spec: { ...spec, command } });
    if (!provider.capabilities().has('logs.since')) {
      await assert.rejects(provider.logs(instanceId, { since: new Date() }), CapabilityNotSupportedError);
      return;
    }
    const has = (line: string) => async () => (await provider.logs(instanceId)).includes(line);
    await eventually(has('before'), 'the first line');
    const since = new Date();
    await eventually(has('after'), 'the second line');
    const later = await provider.logs(instanceId, { since });
    assert.ok(later.includes('after'), later.join());
    assert.deepEqual(await provider.logs(instanceId, { since: new Date(Date.now() + 60_000) }), []);
  },
  'follows a log until the signal aborts, and from the last lines that it is asked for': async ({
    provider,
    spec,
    request,
  }) => {
    if (!provider.followLogs) return;
    const command = ['/bin/sh', '-c', 'n=0; while :; do n=$((n+1)); echo line $n; sleep 0.2; done'];
    const { instanceId } = await provider.provision({ ...request(), spec: { ...spec, command } });
    await eventually(async () => (await provider.logs(instanceId)).length > 2, 'some lines');
    const controller = new AbortController();
    const seen: string[] = [];
    for await (const line of provider.followLogs(instanceId, { tail: 1 }, controller.signal)) {
      seen.push(line);
      if (seen.length === 4) controller.abort();
    }
    const [first] = seen.map((line) => Number(line.slice('line '.length)));
    assert.ok(first! > 1, `it begins with ${seen[0]}`);
    assert.deepEqual(
      seen,
      [0, 1, 2, 3].map((step) => `line ${first! + step}`),
    );
    const unknown = provider.followLogs(newId('instance'))[Symbol.asyncIterator]();
    await assert.rejects(unknown.next(), InstanceNotProvisionedError);
  },
  'ends a followed log with its instance': async ({ provider, spec, request }) => {
    if (!provider.followLogs) return;
    const { instanceId } = await provider.provision({ ...request(), spec });
    const lines = provider.followLogs(instanceId)[Symbol.asyncIterator]();
    assert.deepEqual(await lines.next(), { done: false, value: 'ready' });
    await provider.stop(instanceId);
    assert.equal((await lines.next()).done, true);
  },
  'refuses the parts of a spec that it does not heed': async ({ provider, spec, request }) => {
    const parts: [Capability, Partial<InstanceSpec>][] = [
      ['limits', { limits: { memoryBytes: 64 * 1024 * 1024 } }],
      ['volumes', { volumes: [{ name: 'data', path: '/data' }] }],
      ['networks', { networks: ['backend'] }],
      ['services', { services: [{ name: 'sidecar', command: spec.command, image: spec.image }] }],
    ];
    for (const [capability, part] of parts) {
      if (provider.capabilities().has(capability)) continue;
      const refused = provider.provision({ ...request(), spec: { ...spec, ...part } });
      await assert.rejects(refused, SpecNotSupportedError, capability);
    }
    assert.deepEqual(await provider.list(), []);
  },
  'keeps what is in a volume over a restart, a deployment, and the end of the instance': async ({
    provider,
    spec,
    request,
  }) => {
    const can = provider.capabilities();
    if (!can.has('volumes') || !can.has('exec')) return;
    const withVolume = { ...spec, volumes: [{ name: 'data', path: '/data' }] };
    const wanted = { ...request(), spec: withVolume };
    const { instanceId } = await provider.provision(wanted);
    const kept = async () => (await provider.exec(instanceId, ['cat', '/data/note'])).stdout;
    await provider.exec(instanceId, ['/bin/sh', '-c', 'echo precious >/data/note']);
    await provider.restart(instanceId);
    assert.equal(await kept(), 'precious\n');
    await provider.deploy(instanceId, { ...withVolume, env: { GREETING: 'again' } });
    assert.equal(await kept(), 'precious\n');
    await provider.deprovision(instanceId);
    await provider.provision(wanted);
    assert.equal(await kept(), 'precious\n');
  },
  'runs a command beside the program: its output, its exit code, its environment': async ({
    provider,
    request,
  }) => {
    if (!provider.capabilities().has('exec')) return;
    const { instanceId } = await provider.provision(request());
    const script = 'echo $GREETING; echo trouble >&2; exit 3';
    assert.deepEqual(await provider.exec(instanceId, ['/bin/sh', '-c', script]), {
      exitCode: 3,
      stdout: 'hello\n',
      stderr: 'trouble\n',
    });
    await provider.stop(instanceId);
    await assert.rejects(provider.exec(instanceId, ['/bin/sh', '-c', 'true']), InstanceNotRunningError);
  },
  'gives up a command when the signal aborts': async ({ provider, request }) => {
    if (!provider.capabilities().has('exec')) return;
    const { instanceId } = await provider.provision(request());
    const reason = new Error('no time left');
    const controller = new AbortController();
    const endless = provider.exec(instanceId, ['/bin/sh', '-c', 'sleep 3600'], controller.signal);
    controller.abort(reason);
    await assert.rejects(endless, (error) => error === reason);
  },
  'says that it is well': async ({ provider }) => {
    await provider.healthCheck?.();
    assert.ok(provider.info().name, 'it has no name');
  },
};

interface Call {
  name: string;
  call(signal?: AbortSignal): Promise<unknown>;
}

/** Every call on one instance but `provision`: those for which the provider has, or has not, the capability. */
function callsOn(provider: Provider, id: InstanceId, spec: InstanceSpec, able = true): Call[] {
  const calls: (Call & { needs?: Capability })[] = [
    { name: 'status', call: (signal) => provider.status(id, signal) },
    { name: 'stop', call: (signal) => provider.stop(id, signal) },
    { name: 'deprovision', call: (signal) => provider.deprovision(id, signal) },
    { name: 'start', call: (signal) => provider.start(id, signal) },
    { name: 'restart', call: (signal) => provider.restart(id, signal) },
    { name: 'deploy', needs: 'deploy', call: (signal) => provider.deploy(id, spec, signal) },
    { name: 'rollback', needs: 'rollback', call: (signal) => provider.rollback(id, signal) },
    { name: 'scale', needs: 'scale', call: (signal) => provider.scale(id, { cpuCores: 1 }, signal) },
    { name: 'resources', needs: 'resources', call: (signal) => provider.resources(id, signal) },
    { name: 'logs', needs: 'logs', call: (signal) => provider.logs(id, {}, signal) },
    { name: 'exec', needs: 'exec', call: (signal) => provider.exec(id, ['/bin/sh', '-c', 'true'], signal) },
  ];
  const has = (needs?: Capability) => needs === undefined || provider.capabilities().has(needs);
  return calls.filter(({ needs }) => has(needs) === able);
}

const CONTENT_WITH_NOTHING = new Set(['status', 'stop', 'deprovision']);
