import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { type Provider, type ProviderInstance } from 'ctrlplane-workers/control-plane';

/** One instance as a row and as a container. */
export interface StoredInstance {
  id: ProviderInstance['instanceId'];
  tenantId: NonNullable<ProviderInstance['tenantId']>;
  specHash: string;
}

interface Container {
  Id: string;
  State: string;
  Created: number;
  Labels: Record<string, string>;
}

/** A daemon's API on loopback: answers a list of containers, with as much in each as a daemon's has. */
export async function serveContainers(
  instances: readonly StoredInstance[],
): Promise<{ url: string; server: Server }> {
  const containers = instances.map(({ id, tenantId, specHash }, index) => ({
    Id: index.toString(16).padStart(64, '0'),
    Names: [`/${id}`],
    Image: 'registry.example.com/team/web:1.2.3',
    ImageID: `sha256:${'a'.repeat(64)}`,
    Command: 'node server.mjs',
    Created: 1_700_000_000 + index,
    State: 'running',
    Status: 'Up 3 days',
    Ports: [{ IP: '127.0.0.1', PrivatePort: 8080, PublicPort: 20_000 + (index % 10_000), Type: 'tcp' }],
    Labels: {
      'ctrlplane.instance': id,
      'ctrlplane.tenant': tenantId,
      'ctrlplane.spec-hash': specHash,
    },
    NetworkSettings: { Networks: { bridge: { IPAddress: '172.17.0.2', Gateway: '172.17.0.1' } } },
    Mounts: [],
  }));
  const body = Buffer.from(JSON.stringify(containers));
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/containers/json`, server };
}

/** As much of a provider as a comparison asks for. Whatever would change something rejects: nothing may. */
export function containerProvider(name: string, url: string): Provider {
  const refuse = (): Promise<never> => Promise.reject(new Error('The bench changes nothing'));
  return {
    info: () => ({ name, description: url }),
    capabilities: () => new Set(),
    storeId: async () => `store_${name}`,
    list: async (signal) => {
      const response = await fetch(url, { signal });
      return ((await response.json()) as Container[]).map(toInstance);
    },
    watch: (signal) => ({
      [Symbol.asyncIterator]: () => ({
        next: () =>
          new Promise((resolve) =>
            signal.addEventListener('abort', () => resolve({ done: true, value: undefined }), { once: true }),
          ),
      }),
    }),
    stats: async () => [],
    status: refuse,
    provision: refuse,
    deprovision: refuse,
    start: refuse,
    stop: refuse,
    restart: refuse,
    deploy: refuse,
    rollback: refuse,
    scale: refuse,
    resources: refuse,
    logs: refuse,
    exec: refuse,
  };
}

function toInstance({ Id, State, Created, Labels }: Container): ProviderInstance {
  return {
    instanceId: Labels['ctrlplane.instance'] as ProviderInstance['instanceId'],
    tenantId: Labels['ctrlplane.tenant'] as ProviderInstance['tenantId'],
    state: State === 'running' ? 'running' : 'exited',
    labels: Labels,
    endpoints: [],
    ref: Id,
    startedAt: new Date(Created * 1_000),
    specHash: Labels['ctrlplane.spec-hash'],
    desiredState: 'running',
  };
}
