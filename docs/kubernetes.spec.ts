import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';

const text = readFileSync(fileURLToPath(new URL('recipes/kubernetes.md', import.meta.url)), 'utf8');
const shutdown = readFileSync(fileURLToPath(new URL('shutdown.md', import.meta.url)), 'utf8');
const command = readFileSync(
  fileURLToPath(new URL('../src/cli/commands/schema.ts', import.meta.url)),
  'utf8',
);

interface Container {
  command: string[];
  env: { name: string }[];
  lifecycle?: { preStop: { exec: { command: [string, string] } } };
  readinessProbe?: { httpGet: { port: string } };
  ports?: { name: string }[];
}
interface Manifest {
  kind: string;
  spec: {
    selector?: { matchLabels: object };
    template: {
      metadata?: { labels: object };
      spec: { terminationGracePeriodSeconds?: number; containers: [Container] };
    };
  };
}
const [deployment, job] = [...text.matchAll(/^```yaml\n(.*?)^```/gms)].map(
  ([, yaml]) => parse(yaml!) as Manifest,
) as [Manifest, Manifest];

describe('docs/recipes/kubernetes.md', () => {
  it('gives a pod the time that a drain takes, after the preStop hook, and five seconds more', () => {
    const { spec } = deployment.spec.template;
    const [, seconds] = spec.containers[0].lifecycle!.preStop.exec.command;
    const deadline = Number(/`drain\.deadline`, (\d+) s by default/.exec(shutdown)![1]);
    expect(spec.terminationGracePeriodSeconds).toBe(deadline + Number(seconds) + 5);
  });

  it('has labels and ports that fit each other', () => {
    const { selector, template } = deployment.spec;
    expect(template.metadata!.labels).toEqual(selector!.matchLabels);
    const [{ ports, readinessProbe }] = template.spec.containers;
    expect(ports!.map(({ name }) => name)).toContain(readinessProbe!.httpGet.port);
  });

  it('calls the command that there is, with options that it has, and variables that it is given', () => {
    const [container] = job.spec.template.spec.containers;
    expect(container.command.slice(0, 3)).toEqual(['npx', 'ctrlplane-workers', 'schema']);
    for (const option of container.command.filter((arg) => arg.startsWith('--')))
      expect(command).toContain(`'${option} <`);
    const variables = [...container.command.join(' ').matchAll(/\$\((\w+)\)/g)].map(([, name]) => name);
    expect(container.env.map(({ name }) => name)).toEqual(variables);
  });
});
