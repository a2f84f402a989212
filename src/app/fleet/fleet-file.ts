import { readFileSync, statSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { type z } from 'zod';
import { type BootstrapServiceSpec } from '../../modules/bootstrap/bootstrap-spec.js';
import { type HealthCheckRequest } from '../../modules/health-checks/health-check-input.js';
import { type InstanceSpec, type Labels } from '../../modules/providers/provider.js';
import { type RolloutInput } from '../../modules/workloads/workload-input.js';
import { type DriftPolicy } from '../../modules/workloads/workload.js';
import { CONTAINERS, type ProviderName, PROVIDERS, toSpec } from './fleet-program.js';
import { fleetSchema } from './fleet-schema.js';
import { explain } from './problem-wording.js';
import { FleetFileError, type FleetProblem } from './fleet.errors.js';
import { shownStep, withoutSecrets } from './hidden-values.js';
import { type KeyPath, LocatedYaml } from './located-yaml.js';

/** What the reference app is to run, as a fleet file declares it. `examples/fleet.yaml` shows every key in use. */
export interface FleetFile {
  /** Absolute. */
  path: string;
  garbageCollector: GarbageCollectorSettings;
  tenants: FleetTenant[];
}

/** What the file says of the garbage collector; absent keys keep the collector's own defaults. */
export interface GarbageCollectorSettings {
  /** Milliseconds between two passes. */
  interval?: number;
  /** Milliseconds for which a new instance is left alone, whatever it looks like. */
  instanceGracePeriod?: number;
  /** Per tenant, at least 1. */
  maxInstancesPerTick?: number;
  /** Say what would be deleted, and delete nothing. */
  dryRun?: boolean;
  /** When deletions are held back because too much looks orphaned; times in milliseconds. */
  brake?: { share?: number; minimum?: number; confirmAfter?: number };
}

export interface FleetTenant {
  /** Names of a tenant's datacenters and of its workloads differ among themselves, as tenants' names do. */
  name: string;
  datacenters: FleetDatacenter[];
  workloads: FleetWorkload[];
}

export interface FleetDatacenter {
  name: string;
  /** Bootstrap services that it declares. Absent: those that it declares already stay. */
  bootstrap?: BootstrapServiceSpec[];
}

export interface FleetWorkload {
  name: string;
  /** Name of a datacenter of the same tenant. */
  datacenter?: string;
  /** Default that of `PROVIDER`, else `process`. */
  provider: string;
  /** 0 to 1000. */
  replicas: number;
  /** The working directory of a process defaults to the file's. */
  spec: InstanceSpec;
  labels: Labels;
  /** Absent keys keep what the workload has. */
  driftPolicy?: DriftPolicy;
  rollout?: RolloutInput;
  /** Of each of its instances. */
  checks?: HealthCheckRequest[];
}

/** Far above any fleet that a person writes; the reason is that the whole file is held in memory. */
const MAX_BYTES = 1_048_576;

const SMALLEST_FLEET = `tenants:
      - name: acme
        workloads:
          - name: web
            replicas: 1
            command: [node, server.mjs]`;

/**
 * Reads and checks a fleet file.
 * @param path relative to the current directory, or absolute
 * @param defaultProvider who runs what the file says nothing of
 * @throws FleetFileError that lists everything wrong with it, each with line, column and key path
 */
export function loadFleetFile(path: string, defaultProvider: ProviderName = 'process'): FleetFile {
  const file = resolve(path);
  const directory = dirname(file);
  const yaml = new LocatedYaml(readText(file));
  const problems: FleetProblem[] = [...yaml.problems];
  if (yaml.value === undefined) throw new FleetFileError(shown(file), problems);
  if (yaml.value === null) {
    const message = `is empty. The smallest fleet is\n\n    ${SMALLEST_FLEET}\n`;
    throw new FleetFileError(shown(file), [{ message }]);
  }

  const isFleet = Array.isArray(valueAt(yaml.value, ['tenants']));
  const checked = fleetSchema({ directory, providers: PROVIDERS, defaultProvider }).safeParse(yaml.value, {
    error: (issue) => explain(issue, isFleet),
  });
  for (const { path, message: words } of checked.error?.issues.flatMap(onePerKey) ?? []) {
    const message = withoutSecrets(words, path, valueAt(yaml.value, path), isFleet);
    problems.push({ ...yaml.positionOf(path), path: keyPath(path), message });
  }
  if (!checked.success || problems.length > 0) throw new FleetFileError(shown(file), inTextOrder(problems));

  const { garbageCollector, tenants } = checked.data;
  return {
    path: file,
    garbageCollector,
    tenants: tenants.map((tenant) => ({
      ...tenant,
      datacenters: tenant.datacenters.map((each) => toDatacenter(each, directory)),
      workloads: tenant.workloads.map((each) => toWorkload(each, directory)),
    })),
  };
}

/** Whether any of it is to run as a container. */
export function asksForContainers({ tenants }: FleetFile): boolean {
  const runs = ({ provider }: { provider?: string }) => provider === CONTAINERS;
  return tenants.some(
    ({ workloads, datacenters }) =>
      workloads.some(runs) || datacenters.some(({ bootstrap }) => bootstrap?.some(runs)),
  );
}

type CheckedFleet = z.output<ReturnType<typeof fleetSchema>>;
type CheckedWorkload = CheckedFleet['tenants'][number]['workloads'][number];

type CheckedDatacenter = CheckedFleet['tenants'][number]['datacenters'][number];

function toDatacenter({ name, bootstrap }: CheckedDatacenter, directory: string): FleetDatacenter {
  return {
    name,
    ...(bootstrap && {
      bootstrap: bootstrap.map(({ services, ...service }) => ({
        ...service,
        services: services.map(({ name, ...program }) => ({
          name,
          spec: toSpec(program, service.provider, directory),
        })),
      })),
    }),
  };
}

function toWorkload(workload: CheckedWorkload, directory: string): FleetWorkload {
  const { name, datacenter, provider, replicas, labels, driftPolicy, rollout, checks, metrics } = workload;
  const rest = { name, datacenter, provider, replicas, labels, driftPolicy, rollout, checks };
  return { ...rest, spec: { ...toSpec(workload, provider, directory), ...(metrics && { metrics }) } };
}

function readText(file: string): string {
  const unusable = (message: string) => new FleetFileError(shown(file), [{ message }]);
  try {
    const stats = statSync(file);
    if (stats.isDirectory()) throw unusable('is a directory: set FLEET to a file in it');
    // Reading a device or a pipe may never end.
    if (!stats.isFile()) throw unusable('is not a regular file: set FLEET to one');
    if (stats.size > MAX_BYTES) throw unusable(`has ${stats.size} bytes: at most ${MAX_BYTES}`);
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof FleetFileError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw unusable('does not exist: set FLEET to your fleet file');
    if (code === 'EACCES')
      throw unusable(
        `may not be read by the user with id ${process.geteuid?.()}: let that user read it (chmod +r) and enter the directories above it (chmod +x)`,
      );
    throw unusable(`cannot be read: ${message}`);
  }
}

/** The schema reports the unknown keys of one map as one issue, with a line for each. */
function onePerKey(issue: z.core.$ZodIssue): { path: KeyPath; message: string }[] {
  if (issue.code !== 'unrecognized_keys') return [issue];
  const lines = issue.message.split('\n');
  return issue.keys.map((key, index) => ({
    path: [...issue.path, key],
    message: lines[index] ?? issue.message,
  }));
}

function keyPath(path: KeyPath): string {
  return path.map(shownStep).join('').replace(/^\./, '');
}

function valueAt(root: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>(
    (value, step) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, step)
        ? (value as Record<PropertyKey, unknown>)[step]
        : undefined,
    root,
  );
}

function inTextOrder(problems: FleetProblem[]): FleetProblem[] {
  return problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}

/** Short where it can be: relative to the current directory when the file is below it. */
function shown(file: string): string {
  const path = relative(process.cwd(), file);
  return path.startsWith('..') ? file : path;
}
