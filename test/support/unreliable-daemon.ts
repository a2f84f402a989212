import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { newId } from '../../src/modules/ids/typed-id.js';
import { OWN_LABELS } from '../../src/modules/providers/docker/container-notes.js';
import { DockerProvider } from '../../src/modules/providers/docker/docker.provider.js';
import { type InstanceSpec, type ProvisionRequest } from '../../src/modules/providers/provider.js';
import { type ContainerDaemon, type DaemonKind, startDaemon } from './container-daemon.js';
import { type DaemonProxy, startDaemonProxy } from './daemon-proxy.js';

/** As the daemon lists it. */
interface ListedContainer {
  Id: string;
  Names: string[];
  State: string;
}

/** Longest for starting and clearing a daemon: a loaded machine starts a container in seconds. */
const LIMIT = 240_000;

/** A daemon of its own for a suite, and for each test a namespace, a connection that fails when told to, and providers. */
export class UnreliableDaemon {
  daemon!: ContainerDaemon;
  proxy!: DaemonProxy;
  namespace!: string;
  /** Calls the daemon through the proxy. */
  provider!: DockerProvider;
  /** Calls the daemon directly. */
  sure!: DockerProvider;

  /** To be called in a `describe`. */
  static ofSuite(kind: DaemonKind): UnreliableDaemon {
    const own = new UnreliableDaemon();
    beforeAll(async () => {
      own.daemon = await startDaemon(kind);
    }, LIMIT);
    afterAll(() => own.daemon?.stop(), LIMIT);
    beforeEach(async () => {
      own.namespace = `t${randomUUID().slice(0, 8)}`;
      own.proxy = await startDaemonProxy(own.daemon.socket);
      own.provider = own.providerOf(own.proxy.host);
      own.sure = own.providerOf();
    });
    afterEach(async () => {
      await own.proxy.close();
      for (const { instanceId } of await own.sure.list()) await own.sure.deprovision(instanceId);
    }, LIMIT);
    return own;
  }

  /** A provider that knows nothing yet, as after a restart. */
  providerOf(host = this.daemon.host): DockerProvider {
    const { namespace } = this;
    return new DockerProvider({ host, namespace, network: 'host', stopGrace: 0, pull: 'never' });
  }

  /** All of the namespace, as the daemon lists them. */
  async containers(): Promise<ListedContainer[]> {
    const label = `${OWN_LABELS.namespace}=${this.namespace}`;
    const filters = encodeURIComponent(JSON.stringify({ label: [label] }));
    const { text } = await this.daemon.call('GET', `/containers/json?all=1&filters=${filters}`);
    return JSON.parse(text) as ListedContainer[];
  }

  /** After that many calls the connection is lost, and nothing more is done: as when the replica dies there. */
  dieAt(step: number): void {
    let calls = 0;
    this.proxy.treat = () => (calls++ < step ? 'pass' : calls === step + 1 ? 'hang up' : 'refuse');
  }
}

export function requestOf(spec: InstanceSpec): ProvisionRequest {
  return { instanceId: newId('instance'), tenantId: newId('tenant'), name: 'web', spec, labels: {} };
}

export function failed(call: Promise<unknown>): Promise<boolean> {
  return call.then(
    () => false,
    () => true,
  );
}
