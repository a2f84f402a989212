import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { fleetSchema } from './fleet-schema.js';
import { explain } from './problem-wording.js';

/** The problems of a fleet file's value as `path: message`, all keys joined by dots. */
function problemsOf(value: unknown): string[] {
  const checked = fleetSchema({
    directory: '/',
    providers: ['process', 'docker'],
    defaultProvider: 'process',
  }).safeParse(value, { error: explain });
  return (checked.error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

const web = { name: 'web', replicas: 1, command: ['node'] };

/** The problems of one workload, without the path to it. */
const inWorkload = (keys: object) =>
  problemsOf({ tenants: [{ name: 'acme', workloads: [{ ...web, ...keys }] }] }).map((problem) =>
    problem.replace('tenants.0.workloads.0.', ''),
  );

describe('The rules of a fleet file', () => {
  it('allow the smallest workload, no workload, and no tenant', () => {
    expect(inWorkload({})).toEqual([]);
    expect(problemsOf({ tenants: [{ name: 'acme' }] })).toEqual([]);
    expect(problemsOf({ tenants: [] })).toEqual([]);
  });

  it.each([
    [-1, '-1 is too small: at least 0'],
    [1001, '1001 is too large: at most 1000'],
    [1.5, '1.5 is not a whole number'],
    ['two', '"two" is not a number'],
    [NaN, 'NaN is not a number'],
    [Infinity, 'Infinity is not a number'],
    [null, 'is empty: give a number'],
    [undefined, 'is missing: give a number'],
    [[2], 'a list is not a number'],
  ])('refuse replicas %p', (replicas, message) => {
    expect(inWorkload({ replicas })).toEqual([`replicas: ${message}`]);
  });

  it.each([
    [[], 'command: a command needs a program at least, such as [node, server.mjs]'],
    ['node server.mjs', 'command: a text is not a list'],
    [['node', ''], 'command.1: an empty text is no argument: remove it'],
    [['node', 8080], 'command.1: a number is not a text: put it in quotes'],
    [['a\0b'], 'command.0: has a NUL character: no process can be given one'],
  ])('refuse command %j', (command, problem) => {
    expect(inWorkload({ command })).toEqual([problem]);
  });

  it.each(['a', 'web', 'web-2', 'a'.repeat(63)])('allow the name %s', (name) => {
    expect(inWorkload({ name })).toEqual([]);
  });

  it.each(['Web', '-a', 'a-', 'a b', '', 'a'.repeat(64), 'a\n'])('refuse the name %j', (name) => {
    expect(inWorkload({ name })).toEqual([
      expect.stringMatching(/^name: ".* is no name: use 1 to 63 of a-z, 0-9/),
    ]);
  });

  it.each([
    [undefined, 'is missing: give a text'],
    [null, 'is empty: give a text'],
    [5, '5 is not a text: put it in quotes'],
  ])('refuse %p as a name', (name, message) => {
    expect(inWorkload({ name })).toEqual([`name: ${message}`]);
  });

  it('refuse unknown keys at every level, and name the one that was probably meant', () => {
    expect(
      problemsOf(
        parse(`
          garbageColector: {}
          garbageCollector: { intervall: 5s }
          tenants:
            - name: acme
              color: red
              datacenters: [{ name: home, nmae: x }]
              workloads: [{ name: web, replica: 1, replicas: 1, commands: [], command: [node], ports: [{ name: a, env: A, port: 1 }] }]
        `),
      ),
    ).toEqual([
      'garbageCollector: unknown key: did you mean interval?',
      'tenants.0.datacenters.0: unknown key: did you mean name?',
      'tenants.0.workloads.0.ports.0: unknown key: choose from name, env, containerPort',
      'tenants.0.workloads.0: unknown key: did you mean replicas?\nunknown key: did you mean command?',
      'tenants.0: unknown key: choose from name, datacenters, workloads',
      ': unknown key: did you mean garbageCollector?',
    ]);
  });

  it('refuse names that are there twice in a list, and allow them in different lists', () => {
    const taken = (name: string) => `"${name}" is taken by the item [0] of the same list: choose another`;
    expect(
      problemsOf({
        tenants: [
          {
            name: 'acme',
            datacenters: [{ name: 'web' }, { name: 'web' }],
            workloads: [web, { ...web, name: 'api' }, web],
          },
          { name: 'globex', workloads: [web] },
          { name: 'acme' },
        ],
      }),
    ).toEqual([
      `tenants.0.datacenters.1.name: ${taken('web')}`,
      `tenants.0.workloads.2.name: ${taken('web')}`,
      `tenants.2.name: ${taken('acme')}`,
    ]);
    const port = { name: 'http', env: 'PORT' };
    expect(inWorkload({ ports: [port, port, { name: 'admin', env: 'ADMIN' }] })).toEqual([
      `ports.1.name: ${taken('http')}`,
      `ports.1.env: ${taken('PORT')}`,
    ]);
  });

  it('refuse a datacenter that the same tenant does not declare, and an unknown provider', () => {
    const tenants = (datacenter: string, provider: string) => [
      {
        name: 'acme',
        datacenters: [{ name: 'home' }],
        workloads: [{ ...web, datacenter, provider, image: provider === 'docker' ? 'web:1' : undefined }],
      },
      { name: 'globex', datacenters: [{ name: 'away' }] },
    ];
    expect(problemsOf({ tenants: tenants('home', 'docker') })).toEqual([]);
    expect(problemsOf({ tenants: tenants('hme', 'dokcer') })).toEqual([
      'tenants.0.workloads.0.provider: "dokcer" is unknown: did you mean docker?',
      'tenants.0.workloads.0.datacenter: this tenant declares no datacenter "hme": did you mean home?',
    ]);
    expect(problemsOf({ tenants: tenants('away', 'lxc') })).toEqual([
      'tenants.0.workloads.0.provider: "lxc" is unknown: choose from process, docker',
      'tenants.0.workloads.0.datacenter: this tenant declares no datacenter "away": choose from home',
    ]);
    expect(inWorkload({ datacenter: 'home' })).toEqual([
      'datacenter: this tenant declares no datacenter "home": declare it first',
    ]);
  });

  it('check names and references also where other keys are wrong', () => {
    expect(
      problemsOf({
        tenants: [{ name: 'acme', workloads: [web, { ...web, replicas: -1, datacenter: 'home' }, 5] }],
      }),
    ).toEqual([
      'tenants.0.workloads.1.replicas: -1 is too small: at least 0',
      'tenants.0.workloads.2: a number is not a map (key: value)',
      'tenants.0.workloads.1.name: "web" is taken by the item [0] of the same list: choose another',
      'tenants.0.workloads.1.datacenter: this tenant declares no datacenter "home": declare it first',
    ]);
  });

  it('refuse a working directory that does not exist or is a file', () => {
    expect(inWorkload({ workingDirectory: 'nowhere' })).toEqual([
      'workingDirectory: there is no directory "/nowhere"',
    ]);
    expect(inWorkload({ workingDirectory: process.execPath })).toHaveLength(1);
    expect(inWorkload({ workingDirectory: process.cwd() })).toEqual([]);
  });

  it('refuse what only containers have where a plain process is run, and the reverse', () => {
    const only = 'is for containers, and this runs as a plain process: set "provider: docker", or remove it';
    const parts = {
      image: 'caddy:2',
      limits: { cpuCores: 1 },
      volumes: [{ name: 'data', path: '/data' }],
      networks: ['backend'],
      ports: [{ name: 'http', env: 'PORT', containerPort: 80 }],
    };
    expect(inWorkload(parts)).toEqual([
      `image: ${only}`,
      `limits: ${only}`,
      `volumes: ${only}`,
      `networks: ${only}`,
      `ports.0.containerPort: ${only}`,
    ]);
    expect(inWorkload({ ...parts, provider: 'docker', command: undefined })).toEqual([]);
    expect(inWorkload({ provider: 'docker', workingDirectory: 'srv' })).toEqual([
      'image: is missing: give what the container is made from, such as caddy:2, or "provider: process"',
      'workingDirectory: "srv" is not an absolute path in the container',
    ]);
    expect(inWorkload({ command: undefined })).toEqual(['command: is missing: give a list']);
    const services = [
      { name: 'proxy', image: 'caddy:2' },
      { name: 'api', command: ['api'] },
    ];
    const bootstrap = (provider?: string) =>
      problemsOf({
        tenants: [
          { name: 'acme', datacenters: [{ name: 'home', bootstrap: [{ name: 'in', provider, services }] }] },
        ],
      }).map((problem) => problem.replace('tenants.0.datacenters.0.bootstrap.0.', ''));
    expect(bootstrap()).toEqual([`services.0.image: ${only}`]);
    expect(bootstrap('docker')).toEqual([expect.stringMatching(/^services\.1\.image: is missing/)]);
  });

  it('allow services beside the main program, and refuse those that cannot be', () => {
    const logger = { name: 'logger', command: ['log'] };
    const migrate = { name: 'migrate', kind: 'init', command: ['migrate'] };
    const healthCheck = { command: ['true'], interval: '1s' };
    const dependsOn = [{ service: 'logger', until: 'healthy' }];
    expect(inWorkload({ services: [{ ...logger, healthCheck }, migrate], dependsOn })).toEqual([]);
    expect(inWorkload({ services: [logger, logger, { ...migrate, kind: 'job', name: 'main' }] })).toEqual([
      'services.2.kind: "job" is unknown: choose from sidecar, init',
      'services.1.name: "logger" is taken by the item [0] of the same list: choose another',
    ]);
    expect(inWorkload({ services: [logger], dependsOn: [{ service: 'loger' }] })).toEqual([
      'dependsOn.0: "loger" is no service of this instance: there are main, logger',
    ]);
    expect(inWorkload({ services: [{ ...logger, dependsOn: [{ service: 'main' }] }], dependsOn })).toEqual([
      'dependsOn.0: "logger" has no healthCheck, which says when it is healthy',
    ]);
    const ring = [{ ...logger, healthCheck, dependsOn: [{ service: 'main' }] }];
    expect(inWorkload({ services: ring, dependsOn })).toEqual([
      'services: logger waits for main waits for logger: none of them could start. Remove one dependsOn',
    ]);
    expect(inWorkload({ services: [{ ...logger, image: 'log:1' }] })).toEqual([
      expect.stringMatching(/^services\.0\.image: is for containers/),
    ]);
  });

  it('refuse parts of a container that cannot be', () => {
    const container = { provider: 'docker', image: 'caddy:2' };
    expect(
      inWorkload({
        ...container,
        image: '-x',
        limits: { cpuCores: 0, memory: 5 },
        volumes: [
          { name: 'a', path: 'data' },
          { name: 'a', path: '/b' },
        ],
        networks: ['a b', 'host'],
        ports: [{ name: 'http', env: 'PORT', containerPort: 70_000 }],
      }),
    ).toEqual([
      'image: "-x" is no image: use a name with a tag or digest, such as "caddy:2"',
      'ports.0.containerPort: 70000 is too large: at most 65535',
      'limits.cpuCores: 0 is too few: give at least 0.01 cores',
      'limits: unknown key: choose from cpuCores, memoryBytes, processes',
      'volumes.0.path: "data" is no path for a volume: use an absolute one without ":", and not "/"',
      'volumes.1.name: "a" is taken by the item [0] of the same list: choose another',
      'networks.0: "a b" is no name of a network',
      'networks: "host" and "none" stand alone: remove the other networks',
    ]);
  });

  it('refuse settings of the collector that make no sense', () => {
    const garbageCollector = {
      interval: '5 bananas',
      instanceGracePeriod: -1,
      maxInstancesPerTick: 0,
      dryRun: 'no',
    };
    expect(problemsOf({ garbageCollector, tenants: [] })).toEqual([
      expect.stringMatching(/^garbageCollector\.interval: '5 bananas' is not a duration/),
      expect.stringMatching(/^garbageCollector\.instanceGracePeriod: -1 is not a duration/),
      'garbageCollector.maxInstancesPerTick: 0 is too small: at least 1',
      'garbageCollector.dryRun: "no" is not true or false',
    ]);
    expect(problemsOf({ garbageCollector: { interval: [5] }, tenants: [] })).toEqual([
      expect.stringMatching(/^garbageCollector\.interval: .*is not a duration: give milliseconds \(5000\)/),
    ]);
  });

  it('refuse labels that the control plane sets, and allow the one that protects', () => {
    expect(inWorkload({ labels: { 'ctrlplane.tenant': 'x', 'a b': 'y', team: 5, note: 'a\nb' } })).toEqual([
      'labels.ctrlplane.tenant: "ctrlplane.tenant" is set by the control plane: remove it',
      'labels.a b: "a b" is no name of a label: 1 to 128 letters, digits, ".", "_", "/" and "-"',
      'labels.team: 5 is not a text: put it in quotes',
      'labels.note: is no value of a label: at most 1024 characters on one line',
    ]);
    expect(inWorkload({ labels: { 'ctrlplane.gc': 'protect', team: 'storefront' } })).toEqual([]);
  });

  it('refuse metrics on a port that is not there, or at what is no path', () => {
    const ports = [{ name: 'http', env: 'PORT' }];
    expect(inWorkload({ ports, metrics: { port: 'http', path: '/metrics?all=1' } })).toEqual([]);
    expect(inWorkload({ ports, metrics: { port: 'http' } })).toEqual([]);
    expect(inWorkload({ ports, metrics: { port: 'admin' } })).toEqual([
      'metrics.port: "admin" is no name of a port of this workload: declare it under ports',
    ]);
    expect(inWorkload({ ports, metrics: { port: 'http', path: 'metrics' } })).toEqual([
      'metrics.path: "metrics" is no path: it begins with "/" and has no spaces',
    ]);
  });

  it('refuse a variable that no process can have, and one that a port sets as well', () => {
    expect(
      inWorkload({
        env: { 'A-B': 'x', CTRLPLANE_INSTANCE: 'x', PORT: '1' },
        ports: [{ name: 'http', env: 'PORT' }],
      }),
    ).toEqual([
      'env.A-B: "A-B" is no name of an environment variable: letters, digits and _, such as PORT',
      'env.CTRLPLANE_INSTANCE: CTRLPLANE_INSTANCE is set by the control plane: choose another',
      'ports.0.env: PORT is under env as well: remove it there, the provider sets it',
    ]);
  });

  it('refuse what is too long for a process: one argument, one variable, all together, too many', () => {
    const file = expect.stringMatching(/ Put (it|them|what is long) into a file that the program reads$/);
    expect(inWorkload({ command: ['a', 'x'.repeat(131_071)] })).toEqual([]);
    expect(inWorkload({ command: ['a', 'x'.repeat(131_072)] })).toEqual([file]);
    expect(inWorkload({ command: ['a', '€'.repeat(50_000)] })).toEqual([
      expect.stringMatching(/^command\.1: has 150000 bytes: a process can be given at most 131071 at a time/),
    ]);
    expect(inWorkload({ env: { KEY: 'x'.repeat(131_067) } })).toEqual([]);
    expect(inWorkload({ env: { KEY: 'x'.repeat(131_068) } })).toEqual([
      expect.stringMatching(/^env\.KEY: has 131072 bytes/),
    ]);
    expect(inWorkload({ command: Array<string>(10_001).fill('a') })).toEqual([
      expect.stringMatching(/^command: has 10001 arguments: at most 10000/),
    ]);
    expect(inWorkload({ command: Array<string>(9).fill('x'.repeat(100_000)) })).toEqual([
      expect.stringMatching(/^command: with env it has 900081 bytes/),
    ]);
  });

  it('refuse the name of the tenant to whom the names of the app itself belong', () => {
    expect(problemsOf({ tenants: [{ name: 'control-plane' }] })).toEqual([
      "tenants.0.name: control-plane is the app's own tenant: choose another name",
    ]);
  });

  it('never show a value below env', () => {
    expect(inWorkload({ env: { TOKEN: 987654321, KEY: true, NESTED: { a: 'hunter2' } } })).toEqual([
      'env.TOKEN: a number is not a text: put it in quotes',
      'env.KEY: true or false is not a text: put it in quotes',
      'env.NESTED: a map is not a text',
    ]);
    expect(inWorkload({ env: 'TOKEN=hunter2' })).toEqual(['env: a text is not a map (key: value)']);
  });

  it('refuse a file that is a list or a text', () => {
    expect(problemsOf(['a'])).toEqual([': a list is not a map (key: value)']);
    expect(problemsOf('hello')).toEqual([': a text is not a map (key: value)']);
  });
});
