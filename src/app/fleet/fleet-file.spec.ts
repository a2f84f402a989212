import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { loadFleetFile } from './fleet-file.js';
import { FleetFileError } from './fleet.errors.js';

let directory: string;
let file: string;

beforeAll(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'fleet-file-')));
  chmodSync(directory, 0o755);
});
beforeEach(() => {
  file = join(directory, 'fleet.yaml');
});
afterAll(() => rmSync(directory, { recursive: true }));

const load = (text: string) => {
  writeFileSync(file, text);
  return loadFleetFile(file);
};

function errorOf(run: () => unknown): FleetFileError {
  try {
    run();
  } catch (error) {
    if (error instanceof FleetFileError) return error;
    throw error;
  }
  throw new Error('expected a FleetFileError');
}

const ordinaryUid = process.geteuid!() || 65534;

/** Root may read anything, so it steps down for the length of the call. */
function asOrdinaryUser<T>(run: () => T): T {
  if (process.geteuid!() !== 0) return run();
  process.seteuid!(65534);
  try {
    return run();
  } finally {
    process.seteuid!(0);
  }
}

/** The problems as `line:column path: message`. */
const problemsOf = (text: string) =>
  errorOf(() => load(text)).problems.map(
    ({ line, column, path, message }) => `${line}:${column} ${path ? `${path}: ` : ''}${message}`,
  );

/** A fleet of one workload; `lines` are its further keys, from line 6 of the file and column 9 on. */
const workloadWith = (...lines: string[]) =>
  ['tenants:', '  - name: acme', '    workloads:', '      - name: web', '        command: [node]']
    .concat(lines.map((line) => `        ${line}`))
    .join('\n');

describe('loadFleetFile', () => {
  describe('a valid file', () => {
    it('gives durations in milliseconds and leaves absent settings to the collector', () => {
      const { garbageCollector } = load(
        'garbageCollector: { interval: 5s, instanceGracePeriod: 2500 }\ntenants: []',
      );
      expect(garbageCollector).toEqual({ interval: 5000, instanceGracePeriod: 2500 });
      expect(load('tenants: []').garbageCollector).toEqual({});
    });

    it('keeps every key of a workload', () => {
      mkdirSync(join(directory, 'sub'), { recursive: true });
      const fleet = load(
        [
          'tenants:',
          '  - name: acme',
          '    datacenters: [{ name: home }]',
          '    workloads:',
          '      - name: web',
          '        datacenter: home',
          '        provider: process',
          '        replicas: 2',
          '        command: [./serve, --verbose]',
          '        workingDirectory: sub',
          '        env: { GREETING: hello, EMPTY: "" }',
          '        ports: [{ name: http, env: PORT }]',
          '        metrics: { port: http, path: /stats }',
          '        labels: { team: storefront, ctrlplane.gc: protect }',
          '        checks: [{ name: alive, interval: 2s, probe: { type: http, path: /healthz } }]',
        ].join('\n'),
      );
      expect(fleet).toEqual({
        path: file,
        garbageCollector: {},
        tenants: [
          {
            name: 'acme',
            datacenters: [{ name: 'home' }],
            workloads: [
              {
                name: 'web',
                datacenter: 'home',
                provider: 'process',
                replicas: 2,
                spec: {
                  command: ['./serve', '--verbose'],
                  workingDirectory: join(directory, 'sub'),
                  env: { GREETING: 'hello', EMPTY: '' },
                  ports: [{ name: 'http', env: 'PORT' }],
                  metrics: { port: 'http', path: '/stats' },
                },
                labels: { team: 'storefront', 'ctrlplane.gc': 'protect' },
                checks: [{ name: 'alive', interval: '2s', probe: { type: 'http', path: '/healthz' } }],
              },
            ],
          },
        ],
      });
    });

    it('starts a workload in the directory of the file, on the process provider, unless told otherwise', () => {
      const [workload] = load(workloadWith('replicas: 1')).tenants[0]!.workloads;
      expect(workload).toMatchObject({
        provider: 'process',
        labels: {},
        spec: { workingDirectory: directory },
      });
    });

    it('resolves a relative path from the current directory', () => {
      writeFileSync(file, 'tenants: []');
      expect(loadFleetFile(relative(process.cwd(), file)).path).toBe(file);
    });

    it('takes anchors and aliases, and a name that another tenant uses too', () => {
      const { tenants } = load(
        [
          'tenants:',
          '  - { name: acme, workloads: &same [{ name: web, replicas: 1, command: &run [node, a.mjs] }] }',
          '  - { name: globex, workloads: *same }',
          '  - { name: initech, workloads: [{ name: web, replicas: 0, command: *run }] }',
        ].join('\n'),
      );
      expect(tenants.map(({ workloads }) => workloads[0]!.spec.command[1])).toEqual([
        'a.mjs',
        'a.mjs',
        'a.mjs',
      ]);
    });

    it('keeps every key of a container, and leaves its paths alone', () => {
      const [workload] = load(
        workloadWith(
          'provider: docker',
          'replicas: 1',
          'image: caddy:2',
          'workingDirectory: /srv',
          'ports: [{ name: http, env: PORT, containerPort: 80 }]',
          'limits: { cpuCores: 0.5, memoryBytes: 67108864, processes: 100 }',
          'volumes: [{ name: data, path: /data, readOnly: true }]',
          'networks: [backend]',
        ),
      ).tenants[0]!.workloads;
      expect(workload).toMatchObject({
        provider: 'docker',
        spec: {
          image: 'caddy:2',
          command: ['node'],
          workingDirectory: '/srv',
          ports: [{ name: 'http', env: 'PORT', containerPort: 80 }],
          limits: { cpuCores: 0.5, memoryBytes: 67_108_864, processes: 100 },
          volumes: [{ name: 'data', path: '/data', readOnly: true }],
          networks: ['backend'],
        },
      });
    });

    it('runs what names no provider as it is told to, and what an image says where there is no command', () => {
      writeFileSync(
        file,
        'tenants: [{ name: acme, workloads: [{ name: web, replicas: 1, image: caddy:2 }] }]',
      );
      const [workload] = loadFleetFile(file, 'docker').tenants[0]!.workloads;
      expect(workload).toMatchObject({ provider: 'docker', spec: { image: 'caddy:2', command: [] } });
      expect(workload!.spec.workingDirectory).toBeUndefined();
      expect(() => loadFleetFile(file)).toThrow(
        'image: is for containers, and this runs as a plain process: set "provider: docker", or remove it',
      );
    });
  });

  describe('a file that cannot be read', () => {
    it('names one that does not exist, and the variable to set', () => {
      const missing = join(directory, 'missing.yaml');
      expect(errorOf(() => loadFleetFile(missing)).message).toBe(
        `Cannot use the fleet file. ${missing}: does not exist: set FLEET to your fleet file`,
      );
      expect(errorOf(() => loadFleetFile(join(file, 'below-a-file'))).message).toContain('does not exist');
    });

    it('refuses a directory, a device, and a file of more than a megabyte', () => {
      expect(errorOf(() => loadFleetFile(directory)).message).toContain('is a directory');
      expect(errorOf(() => loadFleetFile('/dev/zero')).message).toContain('is not a regular file');
      expect(errorOf(() => load(`# ${'x'.repeat(1_048_576)}\ntenants: []`)).message).toContain(
        'at most 1048576',
      );
    });

    it('says so when permissions forbid it', () => {
      const locked = join(directory, 'locked.yaml');
      writeFileSync(locked, 'tenants: []', { mode: 0o000 });
      expect(errorOf(() => asOrdinaryUser(() => loadFleetFile(locked))).message).toContain(
        `${locked}: may not be read by the user with id ${ordinaryUid}: let that user read it (chmod +r) and enter the directories above it (chmod +x)`,
      );
    });

    it('shows the smallest fleet when the file is empty or all comment', () => {
      for (const text of ['', '\n', '# nothing yet\n', '---\n'])
        expect(errorOf(() => load(text)).message).toMatch(
          /is empty\. The smallest fleet is[^]*command: \[node/,
        );
    });

    it('shows a fleet that can be used as it stands', () => {
      const [, smallest] = errorOf(() => load('')).message.split('The smallest fleet is\n\n');
      expect(load(smallest!).tenants[0]).toMatchObject({
        name: 'acme',
        workloads: [{ name: 'web', replicas: 1 }],
      });
    });
  });

  describe('a file that breaks the rules', () => {
    it('reports what is wrong as YAML and against the rules in one go, in the order of the text', () => {
      expect(problemsOf(workloadWith('replicas: 1', 'replicas: -2', 'datacenter: x'))).toEqual([
        '7:9 this key is there twice: remove one of them',
        '7:9 tenants[0].workloads[0].replicas: -2 is too small: at least 0',
        '8:9 tenants[0].workloads[0].datacenter: this tenant declares no datacenter "x": declare it first',
      ]);
    });

    it('points at the list item that lacks a key', () => {
      expect(problemsOf(workloadWith())).toEqual([
        '4:9 tenants[0].workloads[0].replicas: is missing: give a number',
      ]);
      expect(problemsOf('garbageCollector: {}')).toEqual(['1:1 tenants: is missing: give a list']);
    });

    it('points at each of several unknown keys, inherited names of JavaScript included', () => {
      expect(problemsOf('tennants: []\n__proto__: {}\nconstructor: {}\ntenants: []')).toEqual([
        '1:1 tennants: unknown key: did you mean tenants?',
        '2:1 __proto__: unknown key: choose from garbageCollector, tenants',
        '3:1 constructor: unknown key: choose from garbageCollector, tenants',
      ]);
    });

    it('refuses half a character wherever a text stands, which no database would take', () => {
      const { problems } = errorOf(() =>
        load(
          [
            'tenants:',
            '  - name: acme',
            '    workloads:',
            '      - name: web',
            '        replicas: 1',
            '        command: [node, "\\ud800"]',
            '        env: { A: "x\\udc00" }',
            '        labels: { team: "\\ud800\\ud800" }',
          ].join('\n'),
        ),
      );
      expect(problems.map(({ path }) => path)).toEqual([
        'tenants[0].workloads[0].command[1]',
        'tenants[0].workloads[0].env.A',
        'tenants[0].workloads[0].labels.team',
      ]);
      for (const { message } of problems) expect(message).toMatch(/half of a surrogate pair/);
      expect(() =>
        load(
          'tenants: [{ name: acme, workloads: [{ name: web, replicas: 1, command: [echo, "\\ud83d\\ude00"] }] }]',
        ),
      ).not.toThrow(/surrogate/);
    });

    it('refuses a key that would get lost', () => {
      const text = `tenants:\n  - name: acme\n    workloads:\n      - { name: web, replicas: 1, command: [a], labels: { __proto__: x } }`;
      expect(errorOf(() => load(text)).problems).toEqual([
        {
          line: 4,
          column: expect.any(Number),
          path: 'tenants[0].workloads[0].labels.__proto__',
          message: 'cannot be a key: choose another',
        },
      ]);
    });

    it('shows twenty of thousands of problems, and how many more there are', () => {
      const bad = '      - { name: web, replicas: -1, command: [a] }\n'.repeat(5_000);
      const error = errorOf(() => load(`tenants:\n  - name: acme\n    workloads:\n${bad}`));
      expect(error.problems.length).toBeGreaterThan(5_000);
      expect(error.message.split('\n')).toHaveLength(1 + 20 + 1);
      expect(error.message).toMatch(new RegExp(`and ${error.problems.length - 20} more: mend these first$`));
    });

    it('writes a key with dots in quotes', () => {
      expect(problemsOf(workloadWith('replicas: 1', 'labels: { ctrlplane.tenant: x }'))).toEqual([
        '7:19 tenants[0].workloads[0].labels["ctrlplane.tenant"]: "ctrlplane.tenant" is set by the control plane: remove it',
      ]);
    });

    it('survives an anchor that holds itself', () => {
      expect(problemsOf('tenants: &loop [*loop]')).toEqual([
        '1:17 tenants[0]: a list is not a map (key: value)',
      ]);
    });

    it('puts all problems into one message, one line each, with file, place and key path', () => {
      writeFileSync(file, workloadWith('replicas: -1', 'provider: x'));
      expect(errorOf(() => loadFleetFile(file)).message).toBe(
        [
          'Cannot use the fleet file, 2 problems:',
          `  ${file}:6:9 tenants[0].workloads[0].replicas: -1 is too small: at least 0`,
          `  ${file}:7:9 tenants[0].workloads[0].provider: "x" is unknown: choose from process, docker`,
        ].join('\n'),
      );
    });
  });
});
