import { z } from 'zod';
import { count } from '../input/count.js';
import { name, parseInput, shown } from '../input/input.js';
import { type InstanceSpec, type Labels } from '../providers/provider.js';
import { instanceSpecSchema } from '../providers/provision-request.schema.js';
import { hashOf, specHash } from '../providers/spec-hash.js';

/** One program of a bootstrap service. */
export interface BootstrapProgram {
  /** Unique within the service. */
  name: string;
  spec: InstanceSpec;
}

/** A service that every datacenter gets which declares it, or for which a hook contributes it. */
export interface BootstrapServiceSpec {
  /** Unique within the datacenter. */
  name: string;
  /** What it is for, such as `ingress`; for people and for labels. Default `service`. */
  kind?: string;
  /** Name of a registered provider; default is the registry's default. */
  provider?: string;
  /** How many instances of each program, 0 to 100. Default 1. */
  replicas?: number;
  services: BootstrapProgram[];
  /** Given to every instance. `ctrlplane.*` is the control plane's own. */
  labels?: Labels;
}

/** With its defaults. */
export type CheckedBootstrapSpec = Required<Omit<BootstrapServiceSpec, 'provider'>> & { provider?: string };

const spec = z.strictObject({
  name,
  kind: name.default('service'),
  provider: z.string().optional(),
  replicas: count(0, 100).default(1),
  services: z
    .array(z.strictObject({ name, spec: instanceSpecSchema }), { error: 'expected a list of programs' })
    .min(1, 'expected at least one program')
    .max(100),
  labels: z
    .record(
      z
        .string()
        .refine((key) => !key.startsWith('ctrlplane.'), 'labels of ctrlplane.* are set by the control plane'),
      z.string(),
    )
    .default({}),
});

/** What one place asks for: names in it are unique. */
const specs = z
  .array(spec, { error: 'expected a list of bootstrap services' })
  .max(1_000)
  .superRefine((all, context) => {
    unique(all, [], context);
    all.forEach(({ services }, index) => unique(services, [index, 'services'], context));
  });

/** @throws InvalidInputError naming every fault */
export function parseBootstrapSpecs(value: unknown): CheckedBootstrapSpec[] {
  return parseInput('list of bootstrap services', specs, value);
}

/** By what an installed service is compared with the wanted one. */
export function bootstrapHash({ kind, provider, replicas, services, labels }: CheckedBootstrapSpec): string {
  const programs = services.map(({ name, spec }) => [name, specHash(spec)]).sort();
  return hashOf({ kind, provider, replicas, programs, labels });
}

/** By what an instance is compared with its program: whatever would make it another one. */
export function programHash(
  { kind, provider, labels }: CheckedBootstrapSpec,
  { spec }: BootstrapProgram,
): string {
  return hashOf({ kind, provider, labels, spec: specHash(spec) });
}

function unique(
  items: readonly { name: string }[],
  path: (string | number)[],
  context: z.RefinementCtx,
): void {
  const seen = new Set<string>();
  items.forEach(({ name }, index) => {
    if (seen.has(name))
      context.addIssue({
        code: 'custom',
        path: [...path, index, 'name'],
        message: `${shown(name)} is there twice`,
      });
    seen.add(name);
  });
}
