import { type InstanceId } from '../../ids/typed-id.js';
import { type PrunedImages } from '../provider.js';
import { ImageMissingError } from '../provider.errors.js';
import { orAborted } from '../waiting.js';
import { type ListedContainer } from './container-notes.js';
import { type DockerDaemon } from './docker-daemon.js';
import { type DockerProviderSettings, type PullProgress } from './docker-provider.options.js';
import { type ListedImage, type PullEvent } from './engine-api.js';
import { parseImage, registryOf } from './image-reference.js';

/** A pull that goes on, for all that wait for it. */
interface Pull {
  done: Promise<void>;
  waiting: number;
  readonly controller: AbortController;
}

/** Pulls what instances are made from, and removes what none of them needs any more. */
export class DockerImages {
  private readonly pulls = new Map<string, Pull>();

  constructor(
    private readonly daemon: DockerDaemon,
    private readonly settings: Pick<DockerProviderSettings, 'registries' | 'onPullProgress' | 'pull'>,
  ) {}

  /**
   * A hundred instances of one image pull it once. Ends when nobody waits for it any more.
   * @throws ImageMissingError when it may not be pulled, else what the daemon says
   */
  async pull(id: InstanceId, image: string, signal?: AbortSignal): Promise<void> {
    if (this.settings.pull === 'never')
      throw new ImageMissingError(id, image, 'the daemon has none, and may not pull it (option `pull`)');
    const pull = this.pulls.get(image) ?? this.begin(image);
    pull.waiting++;
    try {
      await orAborted(pull.done, signal);
    } finally {
      if (--pull.waiting === 0) pull.controller.abort();
    }
  }

  /**
   * Removes images of those repositories that no container has, whoever made it, but the newest.
   * @param repositoriesOf such as `registry.example.com/shop/web`, of all containers of the daemon
   * @param keep how many of each repository stay
   */
  async prune(
    repositoriesOf: (containers: readonly ListedContainer[]) => ReadonlySet<string>,
    keep: number,
    signal?: AbortSignal,
  ): Promise<PrunedImages> {
    const images = await this.daemon.images(signal);
    const containers = await this.daemon.containers(undefined, signal);
    const used = new Set(containers.map(({ ImageID }) => ImageID));
    const pruned: PrunedImages = { removed: [], bytes: 0 };
    for (const repository of repositoriesOf(containers)) {
      const own = images.flatMap((image) => namesOf(image, repository)).sort(newestFirst);
      for (const { reference, image, size } of own.slice(keep)) {
        if (used.has(image) || !(await this.daemon.removeImage(reference, signal))) continue;
        pruned.removed.push(reference);
        pruned.bytes += size;
      }
    }
    return pruned;
  }

  private begin(image: string): Pull {
    const controller = new AbortController();
    const done = this.pullToItsEnd(image, controller.signal).finally(() => this.pulls.delete(image));
    done.catch(() => undefined); // who waits is told; nobody may
    const pull = { done, waiting: 0, controller };
    this.pulls.set(image, pull);
    return pull;
  }

  private async pullToItsEnd(image: string, signal: AbortSignal): Promise<void> {
    const { repository, tag } = parseImage(image);
    const registry = registryOf(repository);
    const credentials = this.settings.registries[registry];
    const auth = credentials && { ...credentials, serveraddress: registry };
    for await (const event of this.daemon.pull(repository, tag, auth, signal)) {
      const failure = event.errorDetail?.message ?? event.error;
      if (failure) throw Object.assign(new Error(failure), { statusCode: 500 });
      if (event.status) this.settings.onPullProgress?.(progressOf(image, event.status, event));
    }
  }
}

/** An image under one of its names. */
interface NamedImage {
  /** A tag or a digest, with the repository. */
  reference: string;
  image: string;
  /** Unix time in seconds. */
  created: number;
  /** In bytes. */
  size: number;
}

/** By its tags; one that was pulled by its digest, or whose tag has gone over to a newer one, has only that. */
function namesOf(
  { Id, RepoTags, RepoDigests, Created, Size }: ListedImage,
  repository: string,
): NamedImage[] {
  const own = (names: string[] | null | undefined) =>
    (names ?? []).filter((name) => normalized(parseImage(name).repository) === normalized(repository));
  const tags = own(RepoTags);
  return (tags.length ? tags : own(RepoDigests)).map((reference) => ({
    reference,
    image: Id,
    created: Created,
    size: Size,
  }));
}

/**
 * A daemon tells when an image was made in whole seconds, and lists those of one second in any order: without the tag,
 * what was kept by one call was removed by the next.
 */
function newestFirst(a: NamedImage, b: NamedImage): number {
  return b.created - a.created || b.reference.localeCompare(a.reference, 'en', { numeric: true });
}

/** Docker leaves out what Podman writes. */
function normalized(repository: string): string {
  return repository.replace(/^docker\.io\/(?:library\/)?/, '');
}

function progressOf(image: string, status: string, { id, progressDetail }: PullEvent): PullProgress {
  const { current, total } = progressDetail ?? {};
  return {
    image,
    status,
    ...(id && { layer: id }),
    ...(current !== undefined && { currentBytes: current }),
    ...(total !== undefined && { totalBytes: total }),
  };
}
