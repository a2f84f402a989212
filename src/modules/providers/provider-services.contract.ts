import assert from 'node:assert/strict';
import { InvalidInputError } from '../input/input.errors.js';
import { InitServiceFailedError, ServiceNotHealthyError, UnknownServiceError } from './provider.errors.js';
import { type InstanceSpec, type ProviderInstance, type ServiceSpec } from './provider.js';
import { eventually, type Subject } from './provider-subject.js';
import { specHash } from './spec-hash.js';

/** A program that writes the line and then runs. */
const talking = ({ image }: InstanceSpec, line: string, rest = 'exec sleep 3600') => ({
  ...(image !== undefined && { image }),
  command: ['/bin/sh', '-c', `echo ${line}; ${rest}`],
});

const withServices = (spec: InstanceSpec, ...services: ServiceSpec[]): InstanceSpec => ({
  ...spec,
  services,
});

const shown = ({ services = [] }: ProviderInstance) => services.map(({ name, state }) => `${name} ${state}`);

const refOf = ({ services = [] }: ProviderInstance, service: string) =>
  services.find(({ name }) => name === service)?.ref;

/** What every `Provider` with the capability `services` keeps; the others refuse them. */
export const SERVICE_CASES: Record<string, (subject: Subject) => Promise<void>> = inEach({
  'runs the services of an instance with it, in one list, and removes them with it': async ({
    provider,
    spec,
    request,
  }) => {
    const whole = withServices(spec, { name: 'logger', ...talking(spec, 'logging') });
    const wanted = { ...request(), spec: whole };
    const made = await provider.provision(wanted);
    assert.equal(made.state, 'running');
    assert.deepEqual(shown(made), ['main running', 'logger running']);
    assert.equal(made.specHash, specHash(whole));
    assert.deepEqual(await provider.status(wanted.instanceId), made);
    assert.deepEqual(await provider.list(), [made]);
    assert.deepEqual(await provider.provision(wanted), made);
    if (provider.notes) assert.deepEqual((await provider.notes(wanted.instanceId))?.spec, whole);
    await provider.deprovision(wanted.instanceId);
    assert.equal((await provider.status(wanted.instanceId)).state, 'missing');
    assert.deepEqual(await provider.list(), []);
  },
  'stops and starts all services of an instance, and runs others after a deployment': async ({
    provider,
    spec,
    request,
  }) => {
    const wanted = {
      ...request(),
      spec: withServices(spec, { name: 'logger', ...talking(spec, 'logging') }),
    };
    const id = wanted.instanceId;
    const before = await provider.provision(wanted);
    await provider.stop(id);
    const stopped = await provider.status(id);
    assert.equal(stopped.state, 'stopped');
    assert.equal(stopped.desiredState, 'stopped');
    assert.deepEqual(shown(stopped), ['main stopped', 'logger stopped']);
    assert.deepEqual(shown(await provider.start(id)), ['main running', 'logger running']);
    const again = await provider.restart(id);
    assert.deepEqual(shown(again), ['main running', 'logger running']);
    for (const name of ['main', 'logger']) assert.notEqual(refOf(again, name), refOf(before, name));
    if (!provider.capabilities().has('deploy')) return;
    const other = withServices(spec, { name: 'proxy', ...talking(spec, 'proxying') });
    assert.deepEqual(shown(await provider.deploy(id, other)), ['main running', 'proxy running']);
    assert.equal((await provider.status(id)).specHash, specHash(other));
    const back = await provider.rollback(id);
    assert.deepEqual(shown(back), ['main running', 'logger running']);
    const alone = await provider.deploy(id, spec);
    assert.equal(alone.state, 'running');
    assert.equal(alone.services, undefined);
  },
  'calls an instance ended when one of its services has, and starts that service alone': async ({
    provider,
    spec,
    request,
  }) => {
    const brief = talking(spec, 'brief', 'sleep 1; exit 4');
    const wanted = { ...request(), spec: withServices(spec, { name: 'brief', ...brief }) };
    const id = wanted.instanceId;
    const controller = new AbortController();
    const seen = new Set<string>();
    const watching = (async () => {
      for await (const { instanceId, change } of provider.watch(controller.signal))
        seen.add(`${change} ${instanceId}`);
    })();
    const before = await provider.provision(wanted);
    const ended = async () => (await provider.status(id)).state === 'exited';
    await eventually(ended, 'the state `exited`');
    const { exitCode, services } = await provider.status(id);
    assert.ok(exitCode === 4 || exitCode === undefined, `exit code ${exitCode}`);
    assert.deepEqual(
      services?.map(({ name, state }) => `${name} ${state}`),
      ['main running', 'brief exited'],
    );
    await eventually(async () => seen.has(`exited ${id}`), 'the word of its end');
    const after = await provider.start(id);
    assert.equal(refOf(after, 'main'), refOf(before, 'main'));
    assert.notEqual(refOf(after, 'brief'), refOf(before, 'brief'));
    controller.abort();
    await watching;
  },
  'has a log of each service, and runs commands in each': async ({ provider, spec, request }) => {
    const env = { GREETING: 'good evening' };
    const logger = { name: 'logger', ...talking(spec, 'logging'), env };
    const { instanceId } = await provider.provision({ ...request(), spec: withServices(spec, logger) });
    const can = provider.capabilities();
    if (can.has('logs')) {
      const has = (line: string, service?: string) => async () =>
        (await provider.logs(instanceId, { service })).includes(line);
      await eventually(has('ready'), 'the line of the main program');
      await eventually(has('logging', 'logger'), 'the line of the other');
      assert.ok(!(await provider.logs(instanceId)).includes('logging'));
      await assert.rejects(provider.logs(instanceId, { service: 'nobody' }), (error: Error) => {
        assert.ok(error instanceof UnknownServiceError, String(error));
        assert.match(error.message, /"nobody": there are main, logger/);
        return true;
      });
    }
    if (!can.has('exec')) return;
    const greeting = async (service?: string) =>
      (await provider.exec(instanceId, ['/bin/sh', '-c', 'echo $GREETING'], undefined, { service })).stdout;
    assert.equal(await greeting(), 'hello\n');
    assert.equal(await greeting('logger'), 'good evening\n');
    await assert.rejects(greeting('nobody'), UnknownServiceError);
  },
  'tells each service the ports of all of them, keeps them, and reads what each uses and the sum': async ({
    provider,
    spec,
    request,
  }) => {
    const proxy = {
      name: 'proxy',
      ...talking(spec, 'proxying'),
      ports: [{ name: 'edge', env: 'EDGE_PORT' }],
    };
    const ports = [{ name: 'web', env: 'WEB_PORT' }];
    const wanted = { ...request(), spec: { ...withServices(spec, proxy), ports } };
    const { endpoints } = await provider.provision(wanted);
    const numbers = ['web', 'edge'].map((name) => endpoints.find((endpoint) => endpoint.name === name)?.port);
    assert.equal(new Set(numbers).size, 2, JSON.stringify(endpoints));
    if (provider.capabilities().has('exec'))
      for (const service of ['main', 'proxy']) {
        const told = await provider.exec(
          wanted.instanceId,
          ['/bin/sh', '-c', 'echo $WEB_PORT $EDGE_PORT'],
          undefined,
          { service },
        );
        assert.equal(told.stdout, `${numbers.join(' ')}\n`);
      }
    assert.deepEqual((await provider.restart(wanted.instanceId)).endpoints, endpoints);
    const [stats, ...others] = await provider.stats();
    assert.deepEqual(others, []);
    if (!stats) return;
    const names = stats.services?.map(({ service }) => service).sort();
    assert.deepEqual(names, ['main', 'proxy']);
    const sum = stats.services!.reduce((total, { processes }) => total + (processes ?? 0), 0);
    if (stats.processes !== null) assert.equal(stats.processes, sum);
  },
  'runs init services before all others, one after the other, each time that the whole is started': async ({
    provider,
    spec,
    request,
  }) => {
    const init = (name: string) => ({ name, kind: 'init' as const, ...talking(spec, name, 'sleep 0.2') });
    const sidecar = { name: 'logger', ...talking(spec, 'logging') };
    const wanted = { ...request(), spec: withServices(spec, init('second'), sidecar, init('third')) };
    const inOrder = ({ services = [] }: ProviderInstance) => {
      const times = ['second', 'third', 'logger', 'main'].map((name) =>
        Number(services.find((service) => service.name === name)?.startedAt),
      );
      assert.deepEqual(
        times,
        times.toSorted((a, b) => a - b),
      );
      for (const { kind, state, exitCode } of services) {
        assert.equal(state, kind === 'init' ? 'exited' : 'running');
        if (kind === 'init') assert.ok(exitCode === 0 || exitCode === undefined, `exit code ${exitCode}`);
      }
    };
    const made = await provider.provision(wanted);
    assert.equal(made.state, 'running');
    inOrder(made);
    assert.deepEqual(await provider.provision(wanted), made);
    const again = await provider.restart(wanted.instanceId);
    inOrder(again);
    assert.notEqual(refOf(again, 'second'), refOf(made, 'second'));
  },
  'starts nothing when an init service fails, says how it ended and what it wrote, tells no secret, and leaves nothing':
    async ({ provider, spec, request }) => {
      const command = ['/bin/sh', '-c', 'echo before; echo no database: $PASSWORD; exit 3'];
      const migrate = {
        name: 'migrate',
        kind: 'init' as const,
        image: spec.image,
        command,
        env: { PASSWORD: 'hunter2' },
      };
      const wanted = {
        ...request(),
        spec: withServices(spec, migrate, { name: 'logger', ...talking(spec, 'logging') }),
      };
      await assert.rejects(provider.provision(wanted), (error: Error) => {
        assert.ok(error instanceof InitServiceFailedError, String(error));
        assert.equal(error.exitCode, 3);
        assert.match(error.message, /"migrate" ended with code 3: before \/ no database: \[env\]/);
        return true;
      });
      assert.deepEqual(await provider.list(), []);
      assert.equal((await provider.provision({ ...wanted, spec })).state, 'running');
    },
  'starts a service when what it waits for is healthy, and says so when it does not become so': async ({
    provider,
    spec,
    request,
  }) => {
    if (!provider.capabilities().has('exec')) return;
    const healthCheck = { command: ['/bin/sh', '-c', 'test -f ready'], interval: 50 };
    const dependsOn = [{ service: 'store', until: 'healthy' as const }];
    const store = {
      name: 'store',
      ...talking(spec, 'storing', 'sleep 1; touch ready; exec sleep 3600'),
      healthCheck,
    };
    const made = await provider.provision({
      ...request(),
      spec: { ...withServices(spec, store), dependsOn },
    });
    const [main, other] = ['main', 'store'].map((name) =>
      made.services?.find((service) => service.name === name),
    );
    const later = Number(main?.startedAt) - Number(other?.startedAt);
    assert.ok(later >= 900, `started ${later} ms later`);
    const never = {
      ...store,
      healthCheck: { command: ['/bin/sh', '-c', 'echo too early >&2; exit 7'], interval: 10, attempts: 2 },
    };
    const hopeless = { ...request(), spec: { ...withServices(spec, never), dependsOn } };
    await assert.rejects(provider.provision(hopeless), (error: Error) => {
      assert.ok(error instanceof ServiceNotHealthyError, String(error));
      assert.match(error.message, /"store" is not healthy: .* 7: too early/);
      return true;
    });
    assert.equal((await provider.status(hopeless.instanceId)).state, 'missing');
  },
  'refuses services that wait for each other, for nobody, or have a name twice': async ({
    provider,
    spec,
    request,
  }) => {
    const a = { name: 'a', ...talking(spec, 'a') };
    const b = { name: 'b', ...talking(spec, 'b') };
    const faults: [RegExp, Partial<InstanceSpec>][] = [
      [/services\.1\.name: "a" is there twice/, { services: [a, a] }],
      [/services\.0\.name: "main" is the main program itself/, { services: [{ ...a, name: 'main' }] }],
      [
        /dependsOn\.0: "c" is no service of this instance: there are main, a/,
        { services: [a], dependsOn: [{ service: 'c' }] },
      ],
      [
        /a waits for b waits for a: none of them could start/,
        {
          services: [
            { ...a, dependsOn: [{ service: 'b' }] },
            { ...b, dependsOn: [{ service: 'a' }] },
          ],
        },
      ],
      [
        /services\.1\.ports\.0\.env: PORT is set twice/,
        {
          services: [
            { ...a, ports: [{ name: 'x', env: 'PORT' }] },
            { ...b, ports: [{ name: 'y', env: 'PORT' }] },
          ],
        },
      ],
    ];
    for (const [fault, part] of faults)
      await assert.rejects(
        provider.provision({ ...request(), spec: { ...spec, ...part } }),
        (error: Error) => {
          assert.ok(error instanceof InvalidInputError, String(error));
          assert.match(error.message, fault);
          return true;
        },
      );
    assert.deepEqual(await provider.list(), []);
  },
});

function inEach(cases: typeof SERVICE_CASES): typeof SERVICE_CASES {
  return Object.fromEntries(
    Object.entries(cases).map(([sentence, run]) => [
      sentence,
      async (subject: Subject) => {
        if (subject.provider.capabilities().has('services')) await run(subject);
      },
    ]),
  );
}
