import { type InstanceSpec, type PortSpec } from '../provider.js';
import { MAIN } from './service-spec.js';

/** Names of all services of an instance, the main program first. */
export function serviceNames({ services = [] }: Pick<InstanceSpec, 'services'>): string[] {
  return [MAIN, ...services.map(({ name }) => name)];
}

/** Ports of all services: their names and variables differ over the whole instance, and each service is told all of them. */
export function allPorts({
  ports = [],
  services = [],
}: Pick<InstanceSpec, 'ports' | 'services'>): PortSpec[] {
  return [...ports, ...services.flatMap((service) => service.ports ?? [])];
}

/**
 * What one service runs, as a spec without others. Networks are those of the instance. @returns an empty command for a
 * service that is not in the spec: what is left of one can be stopped and removed
 */
export function programOf(spec: InstanceSpec, name: string = MAIN): InstanceSpec {
  if (name === MAIN) return { ...spec, services: undefined, dependsOn: undefined, healthCheck: undefined };
  const found = spec.services?.find((service) => service.name === name);
  if (!found) return { command: [] };
  const { command, image, env, workingDirectory, ports, limits, volumes } = found;
  return { command, image, env, workingDirectory, ports, limits, volumes, networks: spec.networks };
}

/** Images of all services. */
export function imagesOf(spec: Pick<InstanceSpec, 'image' | 'services'> | undefined): string[] {
  const images = [spec?.image, ...(spec?.services ?? []).map(({ image }) => image)];
  return images.filter((image) => image !== undefined);
}
