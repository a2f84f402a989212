import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { type HealthCheckRequest, parseHealthCheck } from '../../modules/health-checks/health-check-input.js';
import { InvalidInputError } from '../../modules/input/input.errors.js';
import { duration } from '../../modules/input/duration.js';
import { name as givenName, shown } from '../../modules/input/input.js';
import { refuseTooLong } from '../../modules/providers/argument-limits.js';
import { LABELS } from '../../modules/providers/provider.js';
import { DRIFT_POLICIES } from '../../modules/workloads/workload.js';
import { INSTANCE_VARIABLE } from '../../modules/providers/provision-request.schema.js';
import { OWN_TENANT } from '../own-tenant.js';
import { didYouMean } from './problem-wording.js';

/** What the rules depend on besides the file's text. */
export interface FleetSchemaContext {
  /** Absolute; relative working directories start here. */
  directory: string;
  /** Names of the registered providers. */
  providers: readonly string[];
}

/** More than this on one machine is a slip of the keyboard rather than a wish. */
const MAX_REPLICAS = 1000;
const MAX_BOOTSTRAP_REPLICAS = 100;

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;
const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,126}[A-Za-z0-9])?$/;
const SET_BY_CONTROL_PLANE: readonly string[] = [LABELS.instance, LABELS.tenant, LABELS.workload];

const HALF = 'has half of a surrogate pair (such as \\ud800 alone), which is no character: remove it';

/** PostgreSQL takes no text with half a pair in it, and no program an argument. */
function isWhole(value: string): boolean {
  return !/\p{Surrogate}/u.test(value);
}

/** The rules of a fleet file. Every problem is reported, also beside others, with a message that says what to do. */
export function fleetSchema({ directory, providers }: FleetSchemaContext) {
  const program = {
    command: z
      .array(text.min(1, 'an empty text is no argument: remove it'))
      .min(1, 'a command needs a program at least, such as [node, server.mjs]'),
    workingDirectory: z
      .string()
      .default('.')
      .refine(isWhole, HALF)
      .transform((path) => resolve(directory, path))
      .refine(isDirectory, { error: ({ input }) => `there is no directory ${shown(input)}` }),
    env: record(variable, text).default({}),
    ports: listOf(mapping({ name, env: variable }), 'name', 'env').default([]),
  };
  const labels = record(labelKey, labelValue).default({});
  const provider = z.enum([...providers]).default('process');

  const workload = mapping({
    name,
    datacenter: name.optional(),
    provider,
    replicas: z.int().min(0).max(MAX_REPLICAS),
    ...program,
    labels,
    driftPolicy: z.enum(DRIFT_POLICIES).optional(),
    rollout: mapping({
      maxUnavailable: z.int().min(0).max(MAX_REPLICAS).optional(),
      maxSurge: z.int().min(0).max(MAX_REPLICAS).optional(),
      minReady: duration().optional(),
      progressDeadline: duration().optional(),
    })
      .refine(
        ({ maxSurge = 1, maxUnavailable = 0 }) => maxSurge + maxUnavailable > 0,
        'nothing could be replaced: set maxSurge or maxUnavailable to 1 or more',
      )
      .optional(),
    metrics: mapping({ port: name, path: metricsPath.optional() }).optional(),
    checks: listOf(healthCheck, 'name').default([]),
  })
    .superRefine(portsHaveTheirOwnVariables, always)
    .superRefine(fitsIntoAProcess, always)
    .superRefine(metricsAreOnAPort, always);

  const bootstrapService = mapping({
    name,
    kind: name.optional(),
    provider,
    replicas: z.int().min(0).max(MAX_BOOTSTRAP_REPLICAS).default(1),
    services: listOf(
      mapping({ name, ...program })
        .superRefine(portsHaveTheirOwnVariables, always)
        .superRefine(fitsIntoAProcess, always),
      'name',
    ).min(1, 'a bootstrap service needs one program at least'),
    labels,
  });

  const tenant = mapping({
    name: name.refine(
      (given) => given !== OWN_TENANT,
      `${OWN_TENANT} is the app's own tenant: choose another name`,
    ),
    datacenters: listOf(
      mapping({ name, bootstrap: listOf(bootstrapService, 'name').optional() }),
      'name',
    ).default([]),
    workloads: listOf(workload, 'name').default([]),
  }).superRefine(datacentersAreDeclared, always);

  return mapping({
    garbageCollector: mapping({
      interval: duration().optional(),
      instanceGracePeriod: duration().optional(),
      maxInstancesPerTick: z.int().min(1).max(100_000).optional(),
      dryRun: z.boolean().optional(),
      brake: mapping({
        share: z.number().min(0).max(1).optional(),
        minimum: z.int().min(1).max(100_000).optional(),
        confirmAfter: duration().optional(),
      }).optional(),
    }).default({}),
    tenants: listOf(tenant, 'name'),
  });
}

const text = z
  .string()
  .refine((value) => !value.includes('\0'), 'has a NUL character: no process can be given one')
  .refine(isWhole, HALF);

/** Tenants, workloads and the rest are named by the rules of the services that store them. */
const name = z.string().pipe(givenName);

const metricsPath = text.max(500).regex(/^\/[\x21-\x7e]*$/, {
  error: ({ input }) => `${shown(input)} is no path: it begins with "/" and has no spaces`,
});

const variable = z
  .string()
  .regex(VARIABLE, {
    error: ({ input }) =>
      `${shown(input)} is no name of an environment variable: letters, digits and _, such as PORT`,
  })
  .refine(
    (key) => key !== INSTANCE_VARIABLE,
    `${INSTANCE_VARIABLE} is set by the control plane: choose another`,
  );

const labelKey = z
  .string()
  .regex(LABEL, {
    error: ({ input }) =>
      `${shown(input)} is no name of a label: 1 to 128 letters, digits, ".", "_", "/" and "-"`,
  })
  .refine((key) => !SET_BY_CONTROL_PLANE.includes(key), {
    error: ({ input }) => `${shown(input)} is set by the control plane: remove it`,
  });

const labelValue = z
  .string()
  .regex(/^[^\p{Cc}]{0,1024}$/u, 'is no value of a label: at most 1024 characters on one line')
  .refine(isWhole, HALF);

/** The service's own rules, told where they are broken. */
const healthCheck = z.unknown().transform((value, context) => {
  const place = { hasInstance: true, checkers: [] };
  try {
    parseHealthCheck(value as HealthCheckRequest, place);
    return value as HealthCheckRequest;
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    for (const fault of error.faults) {
      const [, path = '', message = fault] = /^([A-Za-z][\w.]*): (.*)$/s.exec(fault) ?? [];
      const keys = path.split('.').filter(Boolean);
      context.addIssue({
        code: 'custom',
        path: keys.map((key) => (/^\d+$/.test(key) ? Number(key) : key)),
        message,
      });
    }
    return z.NEVER;
  }
});

/** A check across keys that also runs when single keys are wrong; it must therefore expect anything in them. */
const always = { when: () => true };

/** A map that knows all its keys. Unknown ones are one issue with a line of message for each. */
function mapping<S extends z.core.$ZodLooseShape>(shape: S) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => `unknown key${didYouMean(key, Object.keys(shape))}`).join('\n')
        : undefined,
  });
}

/** A map of the user's own keys. The schema's own would lose one that every JavaScript object has by nature. */
function record<K extends z.ZodType<string>, V extends z.ZodType>(key: K, value: V) {
  return z
    .any()
    .superRefine((map, context) => {
      if (read(map, '__proto__') !== undefined)
        context.addIssue({ code: 'custom', path: ['__proto__'], message: 'cannot be a key: choose another' });
    })
    .pipe(z.record(key, value));
}

/** A list whose items differ in each of those keys. */
function listOf<T extends z.ZodType>(item: T, ...uniqueKeys: string[]) {
  return z.array(item).superRefine((items: unknown, context) => {
    if (!Array.isArray(items)) return;
    for (const key of uniqueKeys) {
      const first = new Map<unknown, number>();
      items.forEach((item: unknown, index) => {
        const value = read(item, key);
        if (typeof value !== 'string') return;
        if (first.has(value)) {
          const message = `${shown(value)} is taken by the item [${first.get(value)}] of the same list: choose another`;
          context.addIssue({ code: 'custom', path: [index, key], message });
        } else first.set(value, index);
      });
    }
  }, always);
}

function portsHaveTheirOwnVariables(workload: unknown, context: z.RefinementCtx): void {
  const env = read(workload, 'env');
  list(read(workload, 'ports')).forEach((port, index) => {
    const variable = read(port, 'env');
    if (typeof variable === 'string' && read(env, variable) !== undefined) {
      const message = `${variable} is under env as well: remove it there, the provider sets it`;
      context.addIssue({ code: 'custom', path: ['ports', index, 'env'], message });
    }
  });
}

function fitsIntoAProcess(workload: unknown, context: z.RefinementCtx): void {
  const env = read(workload, 'env');
  refuseTooLong(
    {
      command: list(read(workload, 'command')),
      env: typeof env === 'object' && env !== null ? (env as Record<string, unknown>) : {},
    },
    context,
  );
}

function metricsAreOnAPort(workload: unknown, context: z.RefinementCtx): void {
  const port = read(read(workload, 'metrics'), 'port');
  if (typeof port !== 'string') return;
  const names = list(read(workload, 'ports')).map((item) => read(item, 'name'));
  if (!names.includes(port))
    context.addIssue({
      code: 'custom',
      path: ['metrics', 'port'],
      message: `${shown(port)} is no name of a port of this workload: declare it under ports`,
    });
}

function datacentersAreDeclared(tenant: unknown, context: z.RefinementCtx): void {
  const names = list(read(tenant, 'datacenters')).map((item) => String(read(item, 'name')));
  const declared = [...new Set(names)];
  list(read(tenant, 'workloads')).forEach((workload, index) => {
    const wanted = read(workload, 'datacenter');
    if (typeof wanted !== 'string' || declared.includes(wanted)) return;
    const message = `this tenant declares no datacenter ${shown(wanted)}${didYouMean(wanted, declared)}`;
    context.addIssue({ code: 'custom', path: ['workloads', index, 'datacenter'], message });
  });
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function read(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
