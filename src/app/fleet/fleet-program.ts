import { statSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import { below } from '../../modules/input/below.js';
import { duration } from '../../modules/input/duration.js';
import { shown } from '../../modules/input/input.js';
import { refuseTooLong } from '../../modules/providers/argument-limits.js';
import {
  IMAGE,
  IMAGE_FAULT,
  instanceLimitsSchema,
  networksSchema,
  volumePath,
} from '../../modules/providers/container-spec.schema.js';
import { type InstanceSpec } from '../../modules/providers/provider.js';
import { INSTANCE_VARIABLE, instanceSpecSchema } from '../../modules/providers/provision-request.schema.js';
import { SERVICE_KINDS, UNTIL } from '../../modules/providers/services/service-spec.js';
import { HALF, isWhole, list, listOf, mapping, name, read, record, text } from './fleet-keys.js';

/** A program in a fleet file: its keys, the checks across them, and the spec that its provider gets. */

/** The provider of containers; the other one of the reference app runs plain processes. */
export const CONTAINERS = 'docker';

/** Providers that the reference app has. */
export const PROVIDERS = ['process', CONTAINERS] as const;

export type ProviderName = (typeof PROVIDERS)[number];

/** What becomes of a program depends on who runs it. */
interface ProgramContext {
  /** Absolute; relative working directories of processes start here. */
  directory: string;
  /** Who runs it where neither it nor what it belongs to says so. */
  defaultProvider: string;
}

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** What no plain process has. */
const OF_CONTAINERS = ['image', 'limits', 'volumes', 'networks'] as const;

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

/** Keys of a program. `checkProgram` holds them against the provider. */
export const programKeys = {
  image: z.string().max(400).regex(IMAGE, IMAGE_FAULT).optional(),
  command: z
    .array(text.min(1, 'an empty text is no argument: remove it'))
    .min(1, 'a command needs a program at least, such as [node, server.mjs]')
    .optional(),
  workingDirectory: z.string().refine(isWhole, HALF).optional(),
  env: record(variable, text).default({}),
  ports: listOf(
    mapping({ name, env: variable, containerPort: z.int().min(1).max(65_535).optional() }),
    'name',
    'env',
  ).default([]),
  limits: mapping(instanceLimitsSchema.shape).optional(),
  volumes: listOf(
    mapping({ name, path: volumePath, readOnly: z.boolean().optional() }),
    'name',
    'path',
  ).optional(),
  networks: networksSchema.optional(),
};

const dependencyKeys = {
  dependsOn: z.array(mapping({ service: name, until: z.enum(UNTIL).optional() })).optional(),
  healthCheck: mapping({
    command: z.array(text).min(1, 'a command needs a program at least'),
    interval: duration().optional(),
    timeout: duration().optional(),
    attempts: z.int().min(1).max(100_000).optional(),
  }).optional(),
};

const { image, command, workingDirectory, env, ports, limits, volumes } = programKeys;

/** Networks are those of the instance. */
const serviceKeys = { image, command, workingDirectory, env, ports, limits, volumes };

/** Keys of a workload beside those of its main program. */
export const serviceListKeys = {
  ...dependencyKeys,
  services: listOf(
    mapping({ name, kind: z.enum(SERVICE_KINDS).optional(), ...serviceKeys, ...dependencyKeys }),
    'name',
  ).optional(),
};

/** A checked program, and one with other services. */
type Program = z.output<z.ZodObject<typeof programKeys>>;
type Service = z.output<z.ZodObject<typeof serviceKeys>>;
type Services = z.output<z.ZodObject<typeof serviceListKeys>>;

/** The spec that its provider gets. Working directories of processes become absolute; paths in containers stay. */
export function toSpec(
  program: Program & Partial<Services>,
  provider: string,
  directory: string,
): InstanceSpec {
  const { networks, services, dependsOn, healthCheck } = program;
  return {
    ...toProgram(program, provider, directory),
    ...(networks && { networks }),
    ...(services?.length && {
      services: services.map(({ name, kind, dependsOn, healthCheck, ...service }) => ({
        name,
        ...(kind && { kind }),
        ...toProgram(service, provider, directory),
        ...(dependsOn && { dependsOn }),
        ...(healthCheck && { healthCheck }),
      })),
    }),
    ...(dependsOn && { dependsOn }),
    ...(healthCheck && { healthCheck }),
  };
}

function toProgram(
  { image, command = [], workingDirectory, env, ports, limits, volumes }: Service,
  provider: string,
  directory: string,
): Omit<InstanceSpec, 'services' | 'networks' | 'metrics'> {
  if (provider !== CONTAINERS)
    return { command, workingDirectory: resolve(directory, workingDirectory ?? '.'), env, ports };
  return {
    image,
    command,
    ...(workingDirectory !== undefined && { workingDirectory }),
    env,
    ports,
    ...(limits && { limits }),
    ...(volumes && { volumes }),
  };
}

/** Names, dependencies and ports over all services, by the rules of `InstanceSpec`. */
export function checkServices(
  workload: Program & Partial<Services> & { provider: string },
  directory: string,
  context: Pick<z.RefinementCtx, 'addIssue'>,
): void {
  if (!workload.services?.length && !workload.dependsOn) return;
  const checked = instanceSpecSchema.safeParse(toSpec(workload, workload.provider, directory));
  for (const { path, message } of checked.error?.issues ?? [])
    if (path[0] === 'services' || path[0] === 'dependsOn')
      context.addIssue({ code: 'custom', path: path as (string | number)[], message });
}

/** Checks across the keys of a program and of its services. @param provider that of the workload */
export function checkProgram(
  program: unknown,
  provider: unknown,
  { directory, defaultProvider }: ProgramContext,
  context: Pick<z.RefinementCtx, 'addIssue'>,
): void {
  list(read(program, 'services')).forEach((service, index) =>
    checkProgram(service, provider, { directory, defaultProvider }, below(context, ['services', index])),
  );
  portsHaveTheirOwnVariables(program, context);
  fitsIntoAProcess(program, context);
  const runner = provider === undefined ? defaultProvider : provider;
  if (runner === CONTAINERS) fitsIntoAContainer(program, context);
  else if (runner === 'process') fitsThisMachine(program, directory, context);
}

function fitsIntoAContainer(program: unknown, context: Pick<z.RefinementCtx, 'addIssue'>): void {
  const fault = (path: string, message: string) =>
    context.addIssue({ code: 'custom', path: [path], message });
  if (read(program, 'image') === undefined)
    fault(
      'image',
      `is missing: give what the container is made from, such as caddy:2, or "provider: process"`,
    );
  const workingDirectory = read(program, 'workingDirectory');
  if (typeof workingDirectory === 'string' && !isAbsolute(workingDirectory))
    fault('workingDirectory', `${shown(workingDirectory)} is not an absolute path in the container`);
}

function fitsThisMachine(
  program: unknown,
  directory: string,
  context: Pick<z.RefinementCtx, 'addIssue'>,
): void {
  const fault = (path: (string | number)[], message: string) =>
    context.addIssue({ code: 'custom', path, message });
  if (typeof program !== 'object' || program === null) return;
  const only = 'is for containers, and this runs as a plain process: set "provider: docker", or remove it';
  for (const key of OF_CONTAINERS) if (read(program, key) !== undefined) fault([key], only);
  list(read(program, 'ports')).forEach((port, index) => {
    if (read(port, 'containerPort') !== undefined) fault(['ports', index, 'containerPort'], only);
  });
  if (read(program, 'command') === undefined && read(program, 'image') === undefined)
    fault(['command'], 'is missing: give a list');
  const workingDirectory = read(program, 'workingDirectory') ?? '.';
  if (typeof workingDirectory !== 'string' || !isWhole(workingDirectory)) return;
  const path = resolve(directory, workingDirectory);
  if (!isDirectory(path)) fault(['workingDirectory'], `there is no directory ${shown(path)}`);
}

/** Where a program tells its own metrics. */
const metricsPath = text.max(500).regex(/^\/[\x21-\x7e]*$/, {
  error: ({ input }) => `${shown(input)} is no path: it begins with "/" and has no spaces`,
});

export const metrics = mapping({ port: name, path: metricsPath.optional() }).optional();

function portsHaveTheirOwnVariables(workload: unknown, context: Pick<z.RefinementCtx, 'addIssue'>): void {
  const env = read(workload, 'env');
  list(read(workload, 'ports')).forEach((port, index) => {
    const variable = read(port, 'env');
    if (typeof variable === 'string' && read(env, variable) !== undefined) {
      const message = `${variable} is under env as well: remove it there, the provider sets it`;
      context.addIssue({ code: 'custom', path: ['ports', index, 'env'], message });
    }
  });
}

function fitsIntoAProcess(workload: unknown, context: Pick<z.RefinementCtx, 'addIssue'>): void {
  const env = read(workload, 'env');
  refuseTooLong(
    {
      command: list(read(workload, 'command')),
      env: typeof env === 'object' && env !== null ? (env as Record<string, unknown>) : {},
    },
    context,
  );
}

export function metricsAreOnAPort(workload: unknown, context: Pick<z.RefinementCtx, 'addIssue'>): void {
  const port = read(read(workload, 'metrics'), 'port');
  if (typeof port !== 'string') return;
  const programs = [workload, ...list(read(workload, 'services'))];
  const names = programs.flatMap((program) => list(read(program, 'ports'))).map((item) => read(item, 'name'));
  if (!names.includes(port))
    context.addIssue({
      code: 'custom',
      path: ['metrics', 'port'],
      message: `${shown(port)} is no name of a port of this workload: declare it under ports`,
    });
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
