import { z } from 'zod';
import { type HealthCheckRequest, parseHealthCheck } from '../../modules/health-checks/health-check-input.js';
import { InvalidInputError } from '../../modules/input/input.errors.js';
import { below } from '../../modules/input/below.js';
import { duration } from '../../modules/input/duration.js';
import { shown } from '../../modules/input/input.js';
import { LABELS } from '../../modules/providers/provider.js';
import { DRIFT_POLICIES } from '../../modules/workloads/workload.js';
import { OWN_TENANT } from '../own-tenant.js';
import { always, HALF, isWhole, list, listOf, mapping, name, read, record } from './fleet-keys.js';
import {
  checkProgram,
  checkServices,
  metrics,
  metricsAreOnAPort,
  programKeys,
  serviceListKeys,
} from './fleet-program.js';
import { didYouMean } from './problem-wording.js';

/** What the rules depend on besides the file's text. */
export interface FleetSchemaContext {
  /** Absolute; relative working directories start here. */
  directory: string;
  /** Names of the providers that there are. */
  providers: readonly string[];
  /** Who runs what says nothing of it. */
  defaultProvider: string;
}

/** More than this on one machine is a slip of the keyboard rather than a wish. */
const MAX_REPLICAS = 1000;
const MAX_BOOTSTRAP_REPLICAS = 100;

const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,126}[A-Za-z0-9])?$/;
const SET_BY_CONTROL_PLANE: readonly string[] = [LABELS.instance, LABELS.tenant, LABELS.workload];

/** The rules of a fleet file. Every problem is reported, also beside others, with a message that says what to do. */
export function fleetSchema({ directory, providers, defaultProvider }: FleetSchemaContext) {
  const place = { directory, defaultProvider };
  const labels = record(labelKey, labelValue).default({});
  const provider = z.enum([...providers]).default(defaultProvider);

  const workload = mapping({
    name,
    datacenter: name.optional(),
    provider,
    replicas: z.int().min(0).max(MAX_REPLICAS),
    ...programKeys,
    ...serviceListKeys,
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
    metrics,
    checks: listOf(healthCheck, 'name').default([]),
  })
    .superRefine((value, context) => checkProgram(value, read(value, 'provider'), place, context), always)
    .superRefine(metricsAreOnAPort, always)
    .superRefine((value, context) => checkServices(value, directory, context));

  const bootstrapService = mapping({
    name,
    kind: name.optional(),
    provider,
    replicas: z.int().min(0).max(MAX_BOOTSTRAP_REPLICAS).default(1),
    services: listOf(mapping({ name, ...programKeys }), 'name').min(
      1,
      'a bootstrap service needs one program at least',
    ),
    labels,
  }).superRefine((value, context) => {
    list(read(value, 'services')).forEach((program, index) =>
      checkProgram(program, read(value, 'provider'), place, below(context, ['services', index])),
    );
  }, always);

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
