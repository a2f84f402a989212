import { randomUUID } from 'node:crypto';
import { OWN_LABELS } from './container-notes.js';
import { type DockerDaemon } from './docker-daemon.js';

const FORM = /^dock_[0-9a-f-]{36}$/;

/**
 * The identity of what a daemon holds of a namespace: a label of an empty volume. A daemon answers whoever makes a volume
 * that exists with the one that exists, so of two that do it at the same time one wins. The identity that Podman tells of
 * itself is another one each time, and one of Docker's does not know of namespaces. It is on every container too: from there
 * it comes back when somebody prunes volumes.
 */
export async function storeIdentity(
  daemon: DockerDaemon,
  namespace: string,
  signal?: AbortSignal,
): Promise<string> {
  const label = `${OWN_LABELS.namespace}=${namespace}`;
  const name = nameOf(namespace);
  const known = (await daemon.volumes(label, signal)).find(({ Name }) => Name === name);
  const { Labels } =
    known ?? (await make(daemon, name, namespace, await fromContainers(daemon, label, signal), signal));
  const id = Labels?.[OWN_LABELS.store];
  if (!id || !FORM.test(id))
    throw new Error(
      `the volume ${name} does not hold the identity of a store: choose another namespace, or remove it if it is not in use`,
    );
  return id;
}

export async function removeStoreMark(
  daemon: DockerDaemon,
  namespace: string,
  signal?: AbortSignal,
): Promise<void> {
  await daemon.removeVolume(nameOf(namespace), signal);
}

function nameOf(namespace: string): string {
  return `${namespace}-store`;
}

async function fromContainers(daemon: DockerDaemon, label: string, signal?: AbortSignal) {
  const containers = await daemon.containers(label, signal);
  return containers.map(({ Labels }) => Labels[OWN_LABELS.store]).find((id) => id && FORM.test(id));
}

function make(
  daemon: DockerDaemon,
  name: string,
  namespace: string,
  found: string | undefined,
  signal?: AbortSignal,
) {
  const store = found ?? `dock_${randomUUID()}`;
  return daemon.createVolume(name, { [OWN_LABELS.namespace]: namespace, [OWN_LABELS.store]: store }, signal);
}
