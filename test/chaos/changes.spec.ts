import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Test, type TestingModule } from '@nestjs/testing';
import { type TenantId } from '../../src/modules/ids/typed-id.js';
import { InstancesService } from '../../src/modules/instances/instances.service.js';
import { type Instance } from '../../src/modules/instances/instance.js';
import { ProcessProvider } from '../../src/modules/providers/process/process.provider.js';
import { ProviderRegistry } from '../../src/modules/providers/provider.registry.js';
import { DatabaseModule } from '../../src/modules/schema/database.module.js';
import { TenantsModule } from '../../src/modules/tenants/tenants.module.js';
import { TenantsService } from '../../src/modules/tenants/tenants.service.js';
import { type Workload } from '../../src/modules/workloads/workload.js';
import { WorkloadsService } from '../../src/modules/workloads/workloads.service.js';
import { builtCheckout } from '../support/app-workbench.js';
import { asSystem } from '../support/control-plane.js';
import { createControlPlaneDatabase } from '../support/control-plane-database.js';
import { eventually } from '../support/eventually.js';
import { describeWith } from '../support/needs.js';
import { temporaryDirectories } from '../support/temporary-directory.js';

/** A kill comes at each so-manieth step of a change, from a random one on. All of them: `CHANGE_STEPS=1`, which takes some minutes. */
const STRIDE = Number(process.env['CHANGE_STEPS'] ?? 20);
const PATIENCE = 600_000;
/** Seconds that no other process sleeps. */
const SLEEPS = { old: `${86_400 + process.pid}.25`, new: `${86_400 + process.pid}.75` };

/** One replica of a workload, or none, from the one spec or the other. */
type Now = 'stopped' | 'old' | 'new' | 'two';

interface Change {
  on: 'instances' | 'workloads';
  method: string;
  args(of: Subject): unknown[];
  before: Now;
  after: Now;
}

interface Subject {
  tenantId: TenantId;
  workload: string;
  instance: string;
}

const spec = (which: keyof typeof SLEEPS) => ({ command: ['sleep', SLEEPS[which]] });

const CHANGES: Record<string, Change> = {
  'an instance is deployed': {
    on: 'instances',
    method: 'deploy',
    args: ({ tenantId, instance }) => [tenantId, instance, spec('new')],
    before: 'old',
    after: 'new',
  },
  'an instance is stopped': {
    on: 'instances',
    method: 'stop',
    args: ({ tenantId, instance }) => [tenantId, instance],
    before: 'old',
    after: 'stopped',
  },
  'an instance is started': {
    on: 'instances',
    method: 'start',
    args: ({ tenantId, instance }) => [tenantId, instance],
    before: 'stopped',
    after: 'old',
  },
  'an instance is restarted': {
    on: 'instances',
    method: 'restart',
    args: ({ tenantId, instance }) => [tenantId, instance],
    before: 'old',
    after: 'old',
  },
  'a workload gets another spec': {
    on: 'workloads',
    method: 'update',
    args: ({ tenantId, workload }) => [tenantId, workload, { spec: spec('new') }],
    before: 'old',
    after: 'new',
  },
  'a workload gets another replica': {
    on: 'workloads',
    method: 'update',
    args: ({ tenantId, workload }) => [tenantId, workload, { replicas: 2 }],
    before: 'old',
    after: 'two',
  },
};

describeWith('proc', 'repeating finishes what a killed process has left', () => {
  let app: TestingModule;
  let database: Awaited<ReturnType<typeof createControlPlaneDatabase>>;
  let directory: string;
  let provider: ProcessProvider;
  let instances: InstancesService;
  let workloads: WorkloadsService;
  let tenants: TenantsService;
  let subjects = 0;

  beforeAll(async () => {
    database = await createControlPlaneDatabase();
    directory = await newDirectory();
    provider = new ProcessProvider({ directory, users: 'same', stopGrace: '200ms' });
    app = await Test.createTestingModule({
      imports: [DatabaseModule.forRoot({ url: database.url }), TenantsModule],
    }).compile();
    app.get(ProviderRegistry, { strict: false }).register('process', provider);
    await app.init();
    instances = app.get(InstancesService, { strict: false });
    workloads = app.get(WorkloadsService, { strict: false });
    tenants = app.get(TenantsService, { strict: false });
  }, PATIENCE);
  afterAll(async () => {
    for (const { instanceId } of await provider.list()) await provider.deprovision(instanceId);
    await app.close();
    await database.drop();
  });
  // Removed after the hook above.
  const newDirectory = temporaryDirectories(afterAll);

  /** A workload as it is before the change. */
  async function prepare(before: Now): Promise<Subject> {
    return asSystem(async () => {
      const { id: tenantId } = await tenants.create({ name: `acme-${subjects++}` });
      const request = { name: 'web', provider: 'process', spec: spec('old'), replicas: 1 };
      const workload = await workloads.create(tenantId, request);
      const [instance] = (await instances.list(tenantId, {})).items;
      if (before === 'stopped') await instances.stop(tenantId, instance!.id);
      return { tenantId, workload: workload.id, instance: instance!.id };
    });
  }

  /** @returns the steps that it took, or undefined when it was killed before it was through */
  async function change(
    { on, method, args }: Change,
    of: Subject,
    killAt: number,
  ): Promise<number | undefined> {
    const child = spawn(process.execPath, [join(builtCheckout(), 'test/apps/changes.mjs')], {
      cwd: builtCheckout(),
      env: {
        ...process.env,
        DATABASE_URL: database.url,
        DIRECTORY: directory,
        CHANGE: JSON.stringify({ on, method, args: args(of) }),
        KILL_AT: String(killAt),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data: Buffer) => (said += data.toString()));
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    if (signal === 'SIGKILL') return undefined;
    const [, steps] = /^steps (\d+)$/m.exec(said) ?? [];
    if (code !== 0 || !steps) throw new Error(`${method} ended with ${code ?? signal}: ${said}`);
    return Number(steps);
  }

  async function repeat({ on, method, args }: Change, of: Subject): Promise<void> {
    const service = (on === 'instances' ? instances : workloads) as unknown as Record<
      string,
      (...args: unknown[]) => Promise<unknown>
    >;
    await asSystem(() => service[method]!(...args(of)));
  }

  /** A replacement that is ready is waited for: whoever calls again takes the next step. */
  async function converge({ on, after }: Change, { tenantId, workload }: Subject): Promise<void> {
    if (on !== 'workloads') return;
    await eventually(async () => {
      await asSystem(() => workloads.converge(tenantId, workload as Workload['id']));
      return (await asSystem(() => instances.list(tenantId, {}))).items.length === (after === 'two' ? 2 : 1);
    }, PATIENCE);
  }

  /** What there is of the tenant: its rows, what the provider holds, and what runs. */
  async function seen({ tenantId }: Subject) {
    const rows = (await asSystem(() => instances.list(tenantId, {}))).items;
    const held = (await provider.list()).filter((one) => one.tenantId === tenantId);
    return {
      rows: rows.map(({ state, specHash }: Instance) => `${state} ${specHash}`),
      held: held.map(({ state, specHash }) => `${state} ${specHash}`),
    };
  }

  it.each(Object.entries(CHANGES))(
    'wherever it is killed while %s',
    async (_what, made) => {
      const whole = await prepare(made.before);
      const steps = await change(made, whole, 0);
      expect(steps).toBeGreaterThan(5);
      await converge(made, whole);
      const expected = await seen(whole);
      const running = made.after === 'two' ? 2 : made.after === 'stopped' ? 0 : 1;
      expect(expected.rows).toHaveLength(made.after === 'two' ? 2 : 1);
      expect(expected.held.filter((one) => one.startsWith('running'))).toHaveLength(running);

      for (let at = 1 + Math.floor(Math.random() * STRIDE); at <= steps!; at += STRIDE) {
        const subject = await prepare(made.before);
        await change(made, subject, at);
        await repeat(made, subject);
        await converge(made, subject);
        expect({ at, ...(await seen(subject)) }).toEqual({ at, ...expected });
      }
      await eventually(async () => (await processes()) === (await runningIn(provider)));
    },
    PATIENCE,
  );
});

/** How many processes of these tests there are, whoever knows of them. */
async function processes(): Promise<number> {
  let count = 0;
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const [name, seconds] = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    if (name?.endsWith('sleep') && Object.values(SLEEPS).includes(seconds!)) count++;
  }
  return count;
}

async function runningIn(provider: ProcessProvider): Promise<number> {
  return (await provider.list()).filter(({ state }) => state === 'running').length;
}
