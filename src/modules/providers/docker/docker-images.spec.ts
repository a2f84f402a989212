import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ContainerDaemon,
  type DaemonKind,
  IMAGE,
  startDaemon,
} from '../../../../test/support/container-daemon.js';
import { type ImageRegistry, startImageRegistry } from '../../../../test/support/image-registry.js';
import { freePort } from '../../../../test/support/free-port.js';
import { describeWith } from '../../../../test/support/needs.js';
import { PARTS } from '../../../../test/support/parts.js';
import { itOnSmallDisk, resize, smallDisks } from '../../../../test/support/small-disk.js';
import { newId } from '../../ids/typed-id.js';
import {
  ImageArchitectureError,
  ImageMissingError,
  OutOfResourcesError,
  ProvisionFailedError,
} from '../provider.errors.js';
import { type DockerDaemon } from './docker-daemon.js';
import { DockerImages } from './docker-images.js';
import { type PullProgress } from './docker-provider.options.js';
import { DockerProvider } from './docker.provider.js';
import { parseImage, registryOf } from './image-reference.js';

/** A daemon and a registry, each slow on a loaded machine. */
const LIMIT = 180_000;

describe('The reference of an image', () => {
  it.each([
    ['busybox', 'docker.io', 'busybox', 'latest'],
    ['shop/web:2', 'docker.io', 'shop/web', '2'],
    ['localhost:5000/web', 'localhost:5000', 'localhost:5000/web', 'latest'],
    ['r.test/shop/web:2@sha256:abc', 'r.test', 'r.test/shop/web', 'sha256:abc'],
    ['localhost/web:1', 'localhost', 'localhost/web', '1'],
  ])('%s is of %s', (image, registry, repository, tag) => {
    expect(parseImage(image)).toEqual({ repository, tag });
    expect(registryOf(parseImage(image).repository)).toBe(registry);
  });
});

describe('Images made in one second', () => {
  it('stay or go by their tags, in whatever order the daemon lists them', async () => {
    const listed = ['9', '10', '8', 'used'].map((tag) => ({
      ...{ Id: `sha256:${tag}`, RepoTags: [`r.test/web:${tag}`], Created: 1_760_000_000, Size: 1 },
    }));
    for (const images of [listed, listed.toReversed()]) {
      const daemon = {
        images: () => Promise.resolve(images),
        containers: () => Promise.resolve([{ ImageID: 'sha256:used' }]),
        removeImage: () => Promise.resolve(true),
      } as unknown as DockerDaemon;
      const settings = { registries: {}, pull: 'never' } as const;
      const { removed } = await new DockerImages(daemon, settings).prune(() => new Set(['r.test/web']), 2);
      expect(removed).toEqual(['r.test/web:9', 'r.test/web:8']);
    }
  });
});

describe('Images without a tag', () => {
  it('go like the others, by their digest: those pulled by it, and those whose tag belongs to a newer one', async () => {
    const digest = (n: number) => `r.test/web@sha256:${n}`;
    const images = [1, 2, 3].map((n) => ({
      ...{ Id: `sha256:${n}`, RepoTags: n === 3 ? ['r.test/web:1'] : n === 2 ? null : ['<none>:<none>'] },
      ...{ RepoDigests: [digest(n), 'r.test/other@sha256:9'], Created: n, Size: 1 },
    }));
    const daemon = {
      images: () => Promise.resolve(images),
      containers: () => Promise.resolve([]),
      removeImage: () => Promise.resolve(true),
    } as unknown as DockerDaemon;
    const settings = { registries: {}, pull: 'never' } as const;
    const { removed } = await new DockerImages(daemon, settings).prune(() => new Set(['r.test/web']), 1);
    expect(removed).toEqual([digest(2), digest(1)]);
  });
});

for (const kind of ['podman', 'dockerd'] satisfies DaemonKind[])
  describeWith(PARTS[kind].present() ? 'registry' : kind, `Images of ${kind} from a registry`, () => {
    let registry: ImageRegistry;
    let daemon: ContainerDaemon;
    let image: string;
    const smallDisk = smallDisks();

    beforeAll(async () => {
      registry = await startImageRegistry();
      daemon = await startDaemon(kind, { insecureRegistry: registry.address });
      image = `${registry.address}/shop/web:1`;
      await daemon.call('POST', `/images/${IMAGE}/tag?repo=${registry.address}/shop/web&tag=1`);
      await push(image);
      await daemon.call('DELETE', `/images/${image}?force=1`);
      await daemon.call('DELETE', `/images/${IMAGE}?force=1`);
    }, LIMIT);
    afterAll(async () => {
      await daemon?.stop();
      await registry?.stop();
    }, LIMIT);

    const push = async (reference: string) => {
      const { username, password } = registry;
      const credentials = JSON.stringify({ username, password, serveraddress: registry.address });
      // With the padding that base64url leaves out.
      const auth = Buffer.from(credentials).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
      const [name, tag] = reference.split(/:(?=[^:/]+$)/);
      const { status, text } = await daemon.call('POST', `/images/${name}/push?tag=${tag}`, undefined, {
        'x-registry-auth': auth,
      });
      if (status !== 200 || text.includes('"error"')) throw new Error(`The push failed: ${text}`);
    };

    const providerWith = (options: object = {}) =>
      new DockerProvider({
        ...{ host: daemon.host, namespace: `t${randomUUID().slice(0, 8)}`, network: 'host', stopGrace: 0 },
        ...options,
      });

    const request = (from: string) => ({
      instanceId: newId('instance'),
      tenantId: newId('tenant'),
      name: 'web',
      spec: { image: from, command: ['sleep', '3600'] },
      labels: {},
    });

    it(
      'may not be pulled without a password, or with a wrong one, and the error shows none',
      async () => {
        const wrong = { registries: { [registry.address]: { username: 'shop', password: 'hunter3' } } };
        for (const options of [{}, wrong]) {
          const refused = providerWith(options).provision(request(image));
          await expect(refused).rejects.toThrow(ImageMissingError);
          await expect(refused).rejects.not.toThrow(/hunter3/);
        }
      },
      LIMIT,
    );

    it(
      'is missing when the registry has none, also where only the stream of the pull says so',
      async () => {
        const provider = providerWith(credentials());
        await expect(provider.provision(request(`${registry.address}/shop/none:1`))).rejects.toThrow(
          ImageMissingError,
        );
        await expect(provider.provision(request(`${registry.address}/shop/web:2`))).rejects.toThrow(
          ImageMissingError,
        );
        expect(await provider.list()).toEqual([]);
      },
      LIMIT,
    );

    it(
      'is pulled once for several instances, with its password, and tells what it does',
      async () => {
        const told: PullProgress[] = [];
        const provider = providerWith({
          ...credentials(),
          onPullProgress: (step: PullProgress) => told.push(step),
        });
        const wanted = [1, 2, 3].map(() => request(image));
        const made = await Promise.all(wanted.map((each) => provider.provision(each)));
        expect(made.map(({ state }) => state)).toEqual(['running', 'running', 'running']);
        expect(told.length).toBeGreaterThan(0);
        expect(new Set(told.map((step) => step.image))).toEqual(new Set([image]));
        for (const { instanceId } of wanted) await provider.deprovision(instanceId);
      },
      LIMIT,
    );

    it(
      'is made for other machines where the registry has it for these alone',
      async () => {
        await pushForAnotherMachine();
        const refused = providerWith(credentials()).provision(
          request(`${registry.address}/shop/web:foreign`),
        );
        await expect(refused).rejects.toThrow(ImageArchitectureError);
      },
      LIMIT,
    );

    it(
      'cannot be pulled while its registry is away, which is no word on the image',
      async () => {
        const provider = providerWith();
        const refused = provider.provision(request(`127.0.0.1:${await freePort()}/shop/web:1`));
        await expect(refused).rejects.toThrow(ProvisionFailedError);
        await expect(refused).rejects.toThrow(/refused/);
        await expect(refused).rejects.not.toThrow(ImageMissingError);
        expect(await provider.list()).toEqual([]);
      },
      LIMIT,
    );

    // Podman waits for a minute by itself after 429.
    it.each(kind === 'podman' ? [500, 503] : [429, 500, 503])(
      'cannot be pulled while its registry answers %i, which is no word on the image, and is pulled when that is over',
      async (status) => {
        const provider = providerWith({ ...credentials(), pull: 'always' });
        const wanted = request(image);
        registry.answer = (path) =>
          path.includes('/manifests/')
            ? { status, body: '{"errors":[{"code":"UNKNOWN","message":"ask me later"}]}' }
            : undefined;
        const refused = provider.provision(wanted);
        await expect(refused).rejects.toThrow(ProvisionFailedError);
        await expect(refused).rejects.not.toThrow(ImageMissingError);
        expect(await provider.list()).toEqual([]);
        registry.answer = () => undefined;
        expect(await provider.provision(wanted)).toMatchObject({ state: 'running' });
        await provider.deprovision(wanted.instanceId);
      },
      LIMIT,
    );

    it(
      'is pulled by its digest too, and removed like others, but the newest',
      async () => {
        const references: string[] = [];
        for (const tag of ['1', '2', '3']) {
          await daemon.importImage(`digest${kind}`, async (root) => {
            await daemon.busybox(root);
            writeFileSync(join(root, 'version'), tag);
          });
          const repository = `${registry.address}/shop/digest`;
          await daemon.call('POST', `/images/digest${kind}/tag?repo=${repository}&tag=${tag}`);
          await push(`${repository}:${tag}`);
          references.push(`${repository}@${await digestOf('digest', tag)}`);
          await daemon.call('DELETE', `/images/${repository}:${tag}?force=1`);
          await daemon.call('DELETE', `/images/digest${kind}?force=1`);
        }
        const provider = providerWith(credentials());
        for (const reference of references) {
          const wanted = request(reference);
          expect(await provider.provision(wanted)).toMatchObject({ state: 'running' });
          if (reference !== references[0]) await provider.deprovision(wanted.instanceId);
        }
        const { removed } = await provider.pruneImages({ keep: 1 });
        expect(removed).not.toContain(references[0]);
        expect(removed.length).toBeGreaterThan(0);
        expect((await provider.pruneImages({ keep: 1 })).removed).toEqual([]);
        for (const { instanceId } of await provider.list()) await provider.deprovision(instanceId);
      },
      LIMIT,
    );

    it(
      "is missing where its name can be nobody's",
      async () => {
        for (const name of ['Shop/WEB:1', 'shop/web:.1'])
          await expect(
            providerWith(credentials()).provision(request(`${registry.address}/${name}`)),
          ).rejects.toThrow(ImageMissingError);
      },
      LIMIT,
    );

    itOnSmallDisk(
      'fills the disk in the middle of a pull, which leaves nothing, and is pulled when there is room again',
      async () => {
        const big = `${registry.address}/shop/big:1`;
        await daemon.importImage(`big${kind}`, async (root) => {
          await daemon.busybox(root);
          // Nothing makes that smaller.
          writeFileSync(join(root, 'big'), randomBytes(32 * 1024 * 1024));
        });
        await daemon.call('POST', `/images/big${kind}/tag?repo=${registry.address}/shop/big&tag=1`);
        await push(big);
        const disk = smallDisk(28);
        const small = await startDaemon(kind, { insecureRegistry: registry.address, directory: disk });
        try {
          const provider = providerWith({ ...credentials(), host: small.host });
          const wanted = request(big);
          await expect(provider.provision(wanted)).rejects.toThrow(OutOfResourcesError);
          expect(await provider.list()).toEqual([]);
          resize(disk, 300);
          expect(await provider.provision(wanted)).toMatchObject({ state: 'running' });
        } finally {
          await small.stop();
        }
      },
      LIMIT,
    );

    it(
      'is removed when no container has it, but the newest few of its repository',
      async () => {
        const provider = providerWith({ pull: 'never' });
        for (let version = 1; version <= 4; version++)
          await daemon
            .importImage(`prune${kind}`, (root) => writeFileSync(join(root, 'version'), `${version}`))
            .then(() => daemon.call('POST', `/images/prune${kind}/tag?repo=r.test/prune&tag=${version}`));
        await daemon.importImage(`prunebox${kind}`, daemon.busybox);
        await daemon.call('POST', `/images/prunebox${kind}/tag?repo=r.test/prune&tag=used`);
        const wanted = request('r.test/prune:used');
        await provider.provision(wanted);
        const { removed } = await provider.pruneImages({ keep: 2 });
        expect(removed.length).toBeGreaterThan(0);
        expect(removed.every((tag) => tag.startsWith('r.test/prune:'))).toBe(true);
        expect(removed).not.toContain('r.test/prune:used');
        const { text } = await daemon.call('GET', '/images/json');
        const tags = (JSON.parse(text) as { RepoTags: string[] | null }[])
          .flatMap(({ RepoTags }) => RepoTags ?? [])
          .filter((tag) => tag.startsWith('r.test/prune:'));
        expect(tags).toContain('r.test/prune:used');
        expect(tags).toHaveLength(5 - removed.length);
        expect((await provider.pruneImages({ keep: 2 })).removed).toEqual([]);
        await provider.deprovision(wanted.instanceId);
      },
      LIMIT,
    );

    /** What the registry says of an image. */
    const manifestOf = (name: string, tag: string) => {
      const { username, password } = registry;
      const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
      const kinds = ['docker.distribution.manifest.v2', 'oci.image.manifest.v1'];
      const accept = kinds.map((each) => `application/vnd.${each}+json`).join(', ');
      const url = `http://${registry.address}/v2/shop/${name}/manifests/${tag}`;
      return fetch(url, { headers: { authorization, accept } });
    };

    const digestOf = async (name: string, tag: string) =>
      (await manifestOf(name, tag)).headers.get('docker-content-digest')!;

    /** As an index that has the image of this machine, and says that it is for another one. */
    const pushForAnotherMachine = async () => {
      const manifests = `http://${registry.address}/v2/shop/web/manifests`;
      const { username, password } = registry;
      const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
      const found = await manifestOf('web', '1');
      const mediaType = found.headers.get('content-type')!;
      const digest = found.headers.get('docker-content-digest')!;
      const size = (await found.arrayBuffer()).byteLength;
      const platform = { os: 'linux', architecture: process.arch === 's390x' ? 'amd64' : 's390x' };
      const type = mediaType.includes('oci')
        ? 'application/vnd.oci.image.index.v1+json'
        : 'application/vnd.docker.distribution.manifest.list.v2+json';
      const index = { schemaVersion: 2, mediaType: type, manifests: [{ mediaType, digest, size, platform }] };
      const { status } = await fetch(`${manifests}/foreign`, {
        method: 'PUT',
        headers: { authorization, 'content-type': type },
        body: JSON.stringify(index),
      });
      expect(status).toBe(201);
    };

    const credentials = () => ({
      registries: { [registry.address]: { username: registry.username, password: registry.password } },
    });
  });
