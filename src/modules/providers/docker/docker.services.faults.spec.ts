import { expect, it } from '@jest/globals';
import { type DaemonKind, IMAGE } from '../../../../test/support/container-daemon.js';
import { describeWith } from '../../../../test/support/needs.js';
import { failed, requestOf, UnreliableDaemon } from '../../../../test/support/unreliable-daemon.js';
import { type InstanceSpec, type ProviderInstance } from '../provider.js';
import { containerName } from './container-notes.js';

const program = (rest = 'exec sleep 3600') => ({
  image: IMAGE,
  command: ['/bin/sh', '-c', `echo ready; ${rest}`],
});

const SPEC: InstanceSpec = {
  ...program(),
  services: [
    { name: 'migrate', kind: 'init', ...program('exit 0') },
    { name: 'logger', ...program() },
  ],
};

/** Longest for a case: a loaded machine starts a container in seconds. */
const LIMIT = 240_000;

/** After how many calls more the next start is cut off: one of dockerd takes seconds. */
const STRIDES: Record<DaemonKind, number> = { podman: 3, dockerd: 13 };

for (const [kind, stride] of Object.entries(STRIDES) as [DaemonKind, number][])
  describeWith(kind, `DockerProvider on ${kind} with several services, when things go wrong`, () => {
    const own = UnreliableDaemon.ofSuite(kind);
    const request = () => requestOf(SPEC);
    const containers = async () =>
      (await own.containers()).map(({ Names, State }) => `${Names[0]} ${State}`).sort();
    const shown = ({ services = [] }: ProviderInstance) =>
      services.map(({ name, state }) => `${name} ${state}`);

    it(
      'completes a start that was cut off at any step, or removes it, and doubles nothing',
      async () => {
        for (let step = 0, again = true; again; step += stride) {
          const [completed, removed] = [request(), request()];
          for (const wanted of [completed, removed]) {
            own.dieAt(step);
            again = await failed(own.provider.provision(wanted));
          }
          const made = await own.sure.provision(completed);
          expect(made.state).toBe('running');
          await own.sure.deprovision(removed.instanceId);
          const name = (service?: string) =>
            `/${containerName(own.namespace, completed.instanceId, 'current', service)}`;
          expect(await containers()).toEqual(
            [`${name()} running`, `${name('logger')} running`, `${name('migrate')} exited`].sort(),
          );
          expect(await own.sure.list()).toEqual([made]);
          await own.sure.deprovision(completed.instanceId);
          expect(await containers()).toEqual([]);
          expect(step).toBeLessThan(100);
        }
      },
      LIMIT,
    );

    it(
      'converges when the daemon is killed in the middle of a start, and of a removal',
      async () => {
        const wanted = request();
        const starting = failed(own.sure.provision(wanted));
        while (!(await containers()).length);
        await own.daemon.kill();
        expect(await starting).toBe(true);
        await own.daemon.start();
        const again = own.providerOf();
        expect(shown(await again.provision(wanted))).toEqual([
          'main running',
          'migrate exited',
          'logger running',
        ]);
        expect(await containers()).toHaveLength(3);
        const removing = again.deprovision(wanted.instanceId).catch(() => undefined);
        while ((await containers()).length === 3);
        await own.daemon.kill();
        await removing;
        await own.daemon.start();
        await own.providerOf().deprovision(wanted.instanceId);
        expect(await containers()).toEqual([]);
      },
      LIMIT,
    );

    it(
      'removes what the system has mounted yet, as after a daemon that was killed',
      async () => {
        const { instanceId } = await own.provider.provision(request());
        let busy = 3;
        own.proxy.treat = (call) => (call.startsWith('DELETE') && busy-- > 0 ? 'busy' : 'pass');
        await own.provider.deprovision(instanceId);
        expect(busy).toBeLessThan(0);
        expect(await containers()).toEqual([]);
      },
      LIMIT,
    );

    it(
      'stops the main program before the sidecar that it depends on',
      async () => {
        const { instanceId, services = [] } = await own.provider.provision(request());
        own.proxy.calls.length = 0;
        await own.provider.stop(instanceId);
        const stopped = own.proxy.calls.flatMap((call) => /\/containers\/(\w+)\/stop$/.exec(call)?.[1] ?? []);
        const names = stopped.map((id) => services.find(({ ref }) => ref === id)?.name);
        expect(names).toEqual(['main', 'logger']);
      },
      LIMIT,
    );

    it(
      'makes a service again that somebody has removed, and leaves the others running',
      async () => {
        const wanted = request();
        const made = await own.sure.provision(wanted);
        const refOf = ({ services = [] }: ProviderInstance, name: string) =>
          services.find((service) => service.name === name)?.ref;
        await own.daemon.call('DELETE', `/containers/${refOf(made, 'logger')}?force=1`);
        const lacking = await own.sure.status(wanted.instanceId);
        expect(lacking.state).toBe('exited');
        expect(shown(lacking)).toEqual(['main running', 'migrate exited', 'logger missing']);
        const mended = await own.sure.provision(wanted);
        expect(shown(mended)).toEqual(['main running', 'migrate exited', 'logger running']);
        expect(refOf(mended, 'main')).toBe(refOf(made, 'main'));
      },
      LIMIT,
    );

    it(
      'lists instances with several services in one call',
      async () => {
        for (let each = 0; each < 2; each++) await own.provider.provision(request());
        own.proxy.calls.length = 0;
        expect(await own.provider.list()).toHaveLength(2);
        expect(own.proxy.calls).toEqual(['GET /containers/json']);
      },
      LIMIT,
    );
  });
