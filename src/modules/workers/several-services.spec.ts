import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createControlPlaneDatabase } from '../../../test/support/control-plane-database.js';
import { asSystem } from '../../../test/support/control-plane.js';
import { eventually } from '../../../test/support/eventually.js';
import { type Replica, startReplica } from '../../../test/support/reconciler.js';
import { temporaryDirectories } from '../../../test/support/temporary-directory.js';
import { HealthService } from '../health-checks/health.service.js';
import { type InstanceId, type TenantId } from '../ids/typed-id.js';
import { ProcessProviderModule } from '../providers/process/process-provider.module.js';
import { ProviderRegistry } from '../providers/provider.registry.js';
import { TelemetryService } from '../telemetry/telemetry.service.js';
import { HealthRunnerModule } from './health-runner/health-runner.module.js';
import { TelemetryCollectorModule } from './telemetry-collector/telemetry-collector.module.js';

/** A process that answers with that status at the port that the variable names. */
const server = (variable: string, status: number) => [
  process.execPath,
  '-e',
  `require('node:http').createServer((_, r) => r.writeHead(${status}).end()).listen(process.env.${variable}, '127.0.0.1')`,
];

describe('the workers, with an instance of several services', () => {
  const directory = temporaryDirectories(afterAll);
  let database: { url: string; drop(): Promise<void> };
  let replica: Replica;
  let tenantId: TenantId;
  let id: InstanceId;

  beforeAll(async () => {
    database = await createControlPlaneDatabase();
    const imports = [
      ProcessProviderModule.forRoot({ directory: await directory(), users: 'same' }),
      HealthRunnerModule.forRoot({ egress: { allow: ['127.0.0.0/8'] } }),
      TelemetryCollectorModule.forRoot({ interval: 0 }),
    ];
    replica = await startReplica(database.url, [], { backoff: { initial: 0, max: 0 } }, { imports });
    await replica.run('instance_drift'); // the first pass notes the store
    ({ id: tenantId } = await asSystem(() => replica.tenants.create({ name: 'acme' })));
    const spec = {
      command: server('PORT', 204),
      ports: [{ name: 'http', env: 'PORT' }],
      services: [
        { name: 'edge', command: server('EDGE_PORT', 418), ports: [{ name: 'edge', env: 'EDGE_PORT' }] },
      ],
    };
    const request = { name: 'web', provider: 'process', spec };
    ({ id } = await asSystem(() => replica.instances.create(tenantId, request)));
  });
  afterAll(async () => {
    await asSystem(() => replica.instances.delete(tenantId, id));
    await replica.stop();
    await database.drop();
  });

  const status = () => replica.find(ProviderRegistry).get('process').status(id);

  it('measure the sum of its services', async () => {
    const processes = async () => {
      await replica.run('telemetry_collector');
      return (await asSystem(() => replica.find(TelemetryService).currentResources(tenantId, id)))?.processes;
    };
    await eventually(async () => (await processes()) === 2);
  });

  it('check the port of the main program, or the one that is named', async () => {
    const health = replica.find(HealthService);
    const answers = async (name: string, endpoint?: string) => {
      const probe = { type: 'http' as const, path: '/', ...(endpoint && { endpoint }) };
      const check = await health.configure(tenantId, { name, instanceId: id, interval: '1h', probe });
      return eventually(async () => {
        const { message = '' } = await health.runCheck(tenantId, check.id);
        return message.startsWith('Answered') && message;
      });
    };
    await asSystem(async () => {
      expect(await answers('main')).toBe('Answered 204');
      expect(await answers('other', 'edge')).toMatch(/^Answered 418/);
    });
  });

  it('start a service again that has ended, and leave the others running', async () => {
    const refs = async () => (await status()).services!.map(({ ref }) => Number(ref));
    const [main, edge] = await refs();
    process.kill(edge!, 'SIGKILL');
    await eventually(async () => {
      const { state, services } = await status();
      return state === 'running' && services![1]!.ref !== String(edge);
    });
    expect((await refs())[0]).toBe(main);
    const [drifted] = await eventually(async () => {
      const told = await replica.told('instance.drifted');
      return told.length > 0 && told;
    });
    expect(drifted).toMatchObject({ payload: { instanceId: id, drift: 'exited' } });
  });
});
