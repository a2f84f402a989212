import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { refuseTooLong } from './argument-limits.js';
import { parseId } from '../ids/typed-id.js';
import { below } from '../input/below.js';
import { count } from '../input/count.js';
import { name, parseInput, shown } from '../input/input.js';
import {
  IMAGE,
  IMAGE_FAULT,
  instanceLimitsSchema,
  networksSchema,
  volumeSpecsSchema,
} from './container-spec.schema.js';
import { dependencyKeys, serviceKind, serviceName } from './services/service-spec.schema.js';
import { faultsOfServices } from './services/service-faults.js';
import {
  type InstanceSpec,
  LABELS,
  type Labels,
  type LogOptions,
  type ProvisionRequest,
  type ScaleRequest,
} from './provider.js';

/**
 * What any provider may be handed, checked before it changes anything. Faults name the key and the fix;
 * values of the environment are never shown, for they may be secrets.
 */

/** Set by the provider: by it a process and what it starts can be told from all others. */
export const INSTANCE_VARIABLE = 'CTRLPLANE_INSTANCE';

/** The lines that `logs` gives when not told how many, and the most that it gives. */
const DEFAULT_TAIL = 100;
const MAX_TAIL = 10_000;

// A shell starts the program, and shells drop variables whose names they could not write themselves (seen: dash).
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;
const LABEL_KEY = /^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,126}[A-Za-z0-9])?$/;
const CONTROL = /[\u0000-\u001f\u007f]/;

const noNul = (text: string) => !text.includes('\0');
const NUL = 'has a NUL character, which no process can be given';

const NO_PROGRAM = 'expected a program at least, such as ["node", "server.mjs"]';

const words = z.array(z.string().refine(noNul, NUL), {
  error: 'expected a list: the program and its arguments',
});

const command = words.refine(([program]) => Boolean(program), NO_PROGRAM);

const variable = z.string().regex(VARIABLE, {
  error: ({ input }) =>
    `${shown(input)} is no name of a variable: use letters, digits and "_", no digit first`,
});

const ports = z.array(z.strictObject({ name, env: variable, containerPort: count(1, 65_535).optional() }));

/** What the main program and every other service may have. */
const program = {
  command: words.refine(([program = ' ']) => Boolean(program), NO_PROGRAM),
  image: z.string().min(1).max(400).regex(IMAGE, IMAGE_FAULT).optional(),
  env: z.record(z.string(), z.string().refine(noNul, NUL)).optional(),
  workingDirectory: z
    .string()
    .refine(isAbsolute, { error: ({ input }) => `${shown(input)} is not an absolute path` })
    .refine(noNul, NUL)
    .optional(),
  ports: ports.optional(),
  limits: instanceLimitsSchema.optional(),
  volumes: volumeSpecsSchema.optional(),
  ...dependencyKeys(command),
};

/** An `InstanceSpec`, with nothing in it that a provider would not know what to do with. */
export const instanceSpecSchema = z
  .strictObject({
    ...program,
    services: z
      .array(z.strictObject({ name: serviceName, kind: serviceKind.optional(), ...program }))
      .max(50)
      .optional(),
    networks: networksSchema.optional(),
    metrics: z
      .strictObject({
        port: name,
        path: z
          .string()
          .max(500)
          .regex(/^\/[\x21-\x7e]*$/, {
            error: ({ input }) => `${shown(input)} is no path: it begins with "/" and has no spaces`,
          })
          .optional(),
      })
      .optional(),
  })
  .superRefine((spec, context) => {
    const fault = (path: (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path, message });
    const programs: [(string | number)[], ServiceProgram][] = [
      [[], spec],
      ...(spec.services ?? []).map((each, index): [(string | number)[], ServiceProgram] => [
        ['services', index],
        each,
      ]),
    ];
    const taken = new Set([...programs.flatMap(([, { env = {} }]) => Object.keys(env)), INSTANCE_VARIABLE]);
    const names = new Set<string>();
    for (const [path, { command, image, env = {}, ports = [] }] of programs) {
      refuseTooLong({ command, env }, below(context, path));
      if (command.length === 0 && image === undefined) fault([...path, 'command'], NO_PROGRAM);
      for (const key of Object.keys(env)) {
        if (!VARIABLE.test(key))
          fault([...path, 'env'], `${shown(key)} is no name of a variable: use letters, digits and "_"`);
        if (key === INSTANCE_VARIABLE) fault([...path, 'env'], `${key} is set by the provider: remove it`);
      }
      ports.forEach((port, index) => {
        if (names.has(port.name))
          fault([...path, 'ports', index, 'name'], `${shown(port.name)} is there twice`);
        if (taken.has(port.env))
          fault([...path, 'ports', index, 'env'], `${port.env} is set twice: choose another variable`);
        names.add(port.name);
        taken.add(port.env);
      });
    }
    if (spec.metrics && !names.has(spec.metrics.port))
      fault(['metrics', 'port'], `${shown(spec.metrics.port)} is no name of a port of this instance`);
    for (const { path, message } of faultsOfServices(spec)) fault(path, message);
  });

type ServiceProgram = Pick<InstanceSpec, 'command' | 'image' | 'env' | 'ports'>;

const labels = z.record(z.string(), z.string()).superRefine((all, context) => {
  for (const [key, value] of Object.entries(all)) {
    if (!LABEL_KEY.test(key))
      context.addIssue({
        code: 'custom',
        message: `${shown(key)} is no label: use 1 to 128 of a-z, A-Z, 0-9, ".", "_", "/" and "-"`,
      });
    if (value.length > 1_024 || CONTROL.test(value))
      context.addIssue({
        code: 'custom',
        path: [key],
        message: `${shown(value)} is no value of a label: use at most 1024 characters on one line`,
      });
  }
});

const request = z.strictObject({ name: z.string().min(1), spec: instanceSpecSchema, labels });

const logs = z.strictObject({
  service: z.string().optional(),
  tail: count(0, MAX_TAIL).default(DEFAULT_TAIL),
  since: z.date({ error: 'expected a date' }).optional(),
});

const scale = instanceLimitsSchema.omit({ processes: true });

/**
 * The request, checked, with the labels that tell its instance and tenant.
 * @throws InvalidIdError
 * @throws InvalidInputError
 */
export function parseProvisionRequest({ instanceId, tenantId, ...rest }: ProvisionRequest): ProvisionRequest {
  const ids = { instanceId: parseId('instance', instanceId), tenantId: parseId('tenant', tenantId) };
  const checked = parseInput('provision request', request, rest);
  const own: Labels = { [LABELS.instance]: ids.instanceId, [LABELS.tenant]: ids.tenantId };
  return { ...ids, ...checked, labels: { ...checked.labels, ...own } };
}

/** @throws InvalidInputError */
export function parseInstanceSpec(value: InstanceSpec): InstanceSpec {
  return parseInput('instance spec', instanceSpecSchema, value);
}

/** @throws InvalidInputError */
export function parseCommand(value: string[]): [program: string, ...args: string[]] {
  const checked = command.superRefine((arguments_, context) =>
    refuseTooLong({ command: arguments_ }, context),
  );
  return parseInput('command', checked, value) as [string, ...string[]];
}

/** @throws InvalidInputError */
export function parseScaleRequest(value: ScaleRequest): ScaleRequest {
  return parseInput('scale request', scale, value);
}

/** @throws InvalidInputError */
export function parseLogOptions(value: LogOptions): LogOptions & { tail: number } {
  return parseInput('log options', logs, value);
}
