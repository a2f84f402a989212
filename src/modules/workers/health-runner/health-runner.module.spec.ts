import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable, Module, type ModuleMetadata } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { createServer, type Server } from 'node:http';
import { asSystem, startControlPlane } from '../../../../test/support/control-plane.js';
import { eventually } from '../../../../test/support/eventually.js';
import { listening } from '../../../../test/support/ports.js';
import { temporaryDirectories } from '../../../../test/support/temporary-directory.js';
import { WorkerModule } from '../../../core/worker.module.js';
import { type Checker, HealthChecker } from '../../health-checks/health-checker.js';
import { HealthCheckRepository } from '../../health-checks/health-check.repository.js';
import { HealthService } from '../../health-checks/health.service.js';
import { InMemoryHealthCheckRepository } from '../../health-checks/in-memory/in-memory-health-check.repository.js';
import { InMemoryHealthHistoryRepository } from '../../health-checks/in-memory/in-memory-health-history.repository.js';
import { InMemoryMaintenanceRepository } from '../../health-checks/in-memory/in-memory-maintenance.repository.js';
import { ProberFault } from '../../health-checks/probes/prober.js';
import { CommandProber } from '../../health-checks/probes/command.prober.js';
import { PhaseClock } from '../../health-checks/probes/phase-clock.js';
import { ServiceInstanceAccess } from '../../health-checks/service-instance-access.js';
import { InstanceRepository } from '../../instances/instance.repository.js';
import { ProcessProvider } from '../../providers/process/process.provider.js';
import { OWN_TENANT } from '../../tenants/own-tenant.js';
import { HealthRunnerModule } from './health-runner.module.js';
import { type HealthRunnerOptions } from './health-runner.options.js';

const SETTINGS = Symbol('settings');

@HealthChecker('queue')
@Injectable()
class QueueChecker implements Checker {
  check() {
    return { outcome: 'success', message: '3 waiting' } as const;
  }
}

describe('the module of the health runner, on its own', () => {
  let app: TestingModule | undefined;
  let server: Server;
  let url: string;

  beforeAll(async () => {
    server = createServer((_, response) => response.end());
    url = `http://127.0.0.1:${await listening(server)}/`;
  });
  afterAll(() => void server.close());
  afterEach(async () => {
    await app?.close();
    app = undefined;
  });

  const start = async (module: ReturnType<typeof HealthRunnerModule.forRoot>, more: ModuleMetadata = {}) => {
    app = await Test.createTestingModule({
      ...more,
      imports: [WorkerModule.forRoot(), module, ...(more.imports ?? [])],
    })
      .setLogger(false as never)
      .compile();
    await app.init();
    return app;
  };
  const egress = { allow: ['127.0.0.0/8'] };
  const checks = (): HealthRunnerOptions['checks'] => [
    { name: 'web', interval: '1s', probe: { type: 'http', url } },
    { name: 'queue', interval: '1s', probe: { type: 'custom', checker: 'queue' } },
  ];
  const statuses = (app: TestingModule) =>
    asSystem(async () => {
      const health = app.get(HealthService, { strict: false });
      const { items } = await health.listChecks(OWN_TENANT);
      return Promise.all(items.map(async ({ id }) => (await health.getCheckHealth(OWN_TENANT, id)).status));
    });
  const turnHealthy = (app: TestingModule) =>
    eventually(async () => (await statuses(app)).join() === 'healthy,healthy', 25_000);

  it('checks what its options name, without a database', async () => {
    const module = HealthRunnerModule.forRoot({ store: 'memory', egress, checks: checks() });
    await turnHealthy(await start(module, { providers: [QueueChecker] }));
  });

  it('takes its options from elsewhere', async () => {
    @Module({
      providers: [{ provide: SETTINGS, useFactory: async () => ({ checks: checks() }) }],
      exports: [SETTINGS],
    })
    class Settings {}
    const module = HealthRunnerModule.forRootAsync({
      store: 'memory',
      egress,
      imports: [Settings],
      inject: [SETTINGS],
      useFactory: (settings: { checks: HealthRunnerOptions['checks'] }) => settings,
    });
    await turnHealthy(await start(module, { providers: [QueueChecker] }));
  });

  it('keeps everything in stores of the host', async () => {
    const own = new InMemoryHealthCheckRepository();
    const module = HealthRunnerModule.forRoot({
      store: {
        checks: own,
        history: InMemoryHealthHistoryRepository,
        maintenance: new InMemoryMaintenanceRepository(),
      },
      egress,
      checks: checks(),
    });
    const app = await start(module, { providers: [QueueChecker] });
    await turnHealthy(app);
    expect(app.get(HealthCheckRepository, { strict: false })).toBe(own);
    expect((await own.list(OWN_TENANT)).items.map(({ name }) => name)).toEqual(['web', 'queue']);
  });

  it('changes checks of the same name to what its options say, defaults included', async () => {
    const own = new InMemoryHealthCheckRepository();
    const startWith = async (more: object) => {
      const check = { name: 'web', probe: { type: 'http' as const, url }, ...more };
      const module = HealthRunnerModule.forRoot({
        store: {
          checks: own,
          history: InMemoryHealthHistoryRepository,
          maintenance: InMemoryMaintenanceRepository,
        },
        egress,
        checks: [check],
      });
      const app = await start(module);
      const [made] = (await own.list(OWN_TENANT)).items;
      const health = app.get(HealthService, { strict: false });
      await asSystem(() => health.update(OWN_TENANT, made!.id, { enabled: false }));
      await app.close();
      return made!;
    };
    const first = await startWith({
      interval: '1m',
      timeout: '30s',
      failureThreshold: 7,
      startupGrace: '5m',
    });
    expect(first).toMatchObject({ interval: 60_000, timeout: 30_000, failureThreshold: 7, enabled: true });
    const second = await startWith({ successThreshold: 2 });
    expect(second).toMatchObject({
      id: first.id,
      interval: 10_000,
      timeout: 5_000,
      failureThreshold: 3,
      successThreshold: 2,
      startupGrace: 0,
      enabled: false,
    });
    expect(await startWith({ enabled: true })).toMatchObject({ successThreshold: 1, enabled: true });
  });

  it.each<[string, HealthRunnerOptions, string]>([
    ['an interval of nothing', { interval: 0 }, 'interval: 0 ms is not from 100 ms'],
    [
      'a horizon that is not beyond it',
      { interval: '3s', horizon: '3s' },
      'horizon: is not longer than interval',
    ],
    ['no concurrency', { concurrency: 0 }, 'concurrency: 0 is not a whole number'],
    [
      'a reference that is no address',
      { references: ['example.com'] },
      'references.0: "example.com" is no address',
    ],
  ])('does not begin with %s', (_, options, message) => {
    expect(() => HealthRunnerModule.forRoot({ store: 'memory', ...options })).toThrow(message);
  });

  it('does not start with a check that cannot be, and names the field', async () => {
    const checks = [{ name: 'x', probe: { type: 'custom' as const, checker: 'nobody' } }];
    await expect(start(HealthRunnerModule.forRoot({ store: 'memory', checks }))).rejects.toThrow(
      'probe.checker: there is no checker "nobody"',
    );
  });
});

describe('a command as a check of an instance', () => {
  const directory = temporaryDirectories();

  it('runs inside the instance, and is explained when it fails or the instance is gone', async () => {
    const plane = await startControlPlane();
    try {
      const provider = new ProcessProvider({ directory: await directory(), users: 'same' });
      plane.providers.register('process', provider);
      await asSystem(async () => {
        const { id: tenantId } = await plane.tenants.create({ name: 'acme' });
        const spec = { command: ['sleep', '600'], env: { WHO: 'inside' } };
        const { id } = await plane.instances.create(tenantId, { name: 'web', provider: 'process', spec });
        const access = new ServiceInstanceAccess(
          plane.repository(InstanceRepository),
          plane.instances,
          plane.providers,
        );
        const prober = new CommandProber(access);
        const context = {
          instance: { id, provider: 'process', endpoints: [] },
          signal: AbortSignal.timeout(20_000),
          phases: new PhaseClock(),
        };
        const run = (...command: string[]) => prober.probe({ type: 'command', command }, context as never);
        expect(await run('sh', '-c', 'echo $WHO')).toEqual({ outcome: 'success', message: 'inside' });
        await expect(run('sh', '-c', 'echo no >&2; exit 3')).rejects.toThrow('Ended with 3: no');
        await plane.instances.delete(tenantId, id);
        await expect(run('true')).rejects.toThrow('The instance does not run');
        await expect(
          new CommandProber(undefined).probe({ type: 'command', command: ['true'] }, context as never),
        ).rejects.toThrow(ProberFault);
      });
    } finally {
      await plane.stop();
    }
  }, 60_000);
});
