import { type InstanceId } from '../../ids/typed-id.js';
import { LABELS, type PortSpec } from '../provider.js';
import { kindOf } from '../services/service-plan.js';
import { allPorts, programOf } from '../services/service-programs.js';
import { MAIN } from '../services/service-spec.js';
import { INSTANCE_VARIABLE } from '../provision-request.schema.js';
import { specHash } from '../spec-hash.js';
import { type ContainerRecord, OWN_LABELS } from './container-notes.js';
import { type DockerProviderSettings } from './docker-provider.options.js';
import { type ContainerRequest } from './engine-api.js';

const CORE = 1e9;

/** Where its ports are published, and its volumes belong. */
export interface Surroundings {
  settings: Pick<DockerProviderSettings, 'namespace' | 'network' | 'logLimit'>;
  store: string;
  publishOn: string;
}

/** The container that runs a service of an instance as its record says. */
export function containerRequest(
  id: InstanceId,
  record: ContainerRecord,
  { settings, store, publishOn }: Surroundings,
): ContainerRequest {
  const { labels, ports, service = MAIN } = record;
  const spec = programOf(record.spec, service);
  const [network] = networksOf(record, settings);
  const limits = { ...spec.limits, ...(service === MAIN && record.scaled) };
  const published = network === 'host' || network === 'none' ? [] : (spec.ports ?? []);
  const inside = (port: PortSpec) => port.containerPort ?? ports[port.name]!;
  const env = {
    ...spec.env,
    ...Object.fromEntries(allPorts(record.spec).map((port) => [port.env, String(inside(port))])),
    [INSTANCE_VARIABLE]: id,
  };
  return {
    Image: spec.image ?? '',
    ...(spec.command.length && { Cmd: spec.command }),
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    Labels: {
      ...labels,
      [LABELS.instance]: id,
      [OWN_LABELS.namespace]: settings.namespace,
      [OWN_LABELS.store]: store,
      [OWN_LABELS.record]: JSON.stringify(record),
      [OWN_LABELS.startedAt]: String(Date.now()),
      [OWN_LABELS.specHash]: specHash(record.spec),
      ...(service !== MAIN && {
        [OWN_LABELS.service]: service,
        [OWN_LABELS.serviceKind]: kindOf(record.spec, service),
      }),
    },
    ...(spec.workingDirectory !== undefined && { WorkingDir: spec.workingDirectory }),
    ExposedPorts: Object.fromEntries(published.map((port) => [`${inside(port)}/tcp`, {}])),
    HostConfig: {
      // The reconciler is the one that starts again.
      RestartPolicy: { Name: 'no' },
      NetworkMode: network,
      PortBindings: Object.fromEntries(
        published.map((port) => [
          `${inside(port)}/tcp`,
          [{ HostIp: publishOn, HostPort: String(ports[port.name]) }],
        ]),
      ),
      Binds: (spec.volumes ?? []).map(
        ({ name, path, readOnly }) =>
          `${volumeName(settings.namespace, id, name)}:${path}${readOnly ? ':ro' : ''}`,
      ),
      LogConfig: { Type: 'json-file', Config: { 'max-size': `${settings.logLimit}`, 'max-file': '2' } },
      ...(limits.cpuCores !== undefined && { NanoCpus: Math.round(limits.cpuCores * CORE) }),
      ...(limits.memoryBytes !== undefined && {
        Memory: limits.memoryBytes,
        // Without swap: else the limit would be half of what it may use.
        MemorySwap: limits.memoryBytes,
      }),
      ...(limits.processes !== undefined && { PidsLimit: limits.processes }),
    },
  };
}

export function volumeName(namespace: string, id: InstanceId, name: string): string {
  return `${namespace}-${id}-${name}`;
}

/** It is made in the first, by which its ports are published, and joins the others before it starts. */
export function networksOf(
  { spec }: Pick<ContainerRecord, 'spec'>,
  { network }: Pick<DockerProviderSettings, 'network'>,
): string[] {
  return spec.networks?.length ? spec.networks : [network];
}
