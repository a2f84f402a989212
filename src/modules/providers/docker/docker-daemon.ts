import Docker from 'dockerode';
import { type IncomingMessage } from 'node:http';
import { type Readable } from 'node:stream';
import { type ListedContainer } from './container-notes.js';
import { connectionOf } from './daemon-connection.js';
import { isBusy, isConflict, isMissing, wordsOf } from './docker-failure.js';
import { type DockerProviderSettings } from './docker-provider.options.js';
import {
  type ContainerEvent,
  type ContainerRequest,
  type ContainerStats,
  type ListedImage,
  type ListedVolume,
  type PullEvent,
  type RegistryAuth,
} from './engine-api.js';
import { type LibpodStats, toContainerStats } from './libpod-stats.js';
import { demultiplex, jsonLines, type Output } from './streams.js';

interface Call {
  query?: Record<string, unknown>;
  body?: object;
  authconfig?: object | undefined;
  signal?: AbortSignal | undefined;
}

/** 304: it is so already. */
const SUCCESS = { 200: true, 201: true, 204: true, 304: true };

/**
 * The calls of the Engine API that the provider needs, of Docker and of Podman. No version of the API is asked for: each
 * daemon then speaks its own, where Docker 29 refuses what is below 1.44, and Docker 20.10 what is above 1.41.
 *
 * Every answer is taken from dockerode as a stream: its own reading of an answer never ends when the daemon dies in the
 * middle of it.
 */
export class DockerDaemon {
  private readonly modem: Docker['modem'];
  /** Version of Podman's own API, which each answer of Podman has in a header. Docker has no such API. */
  private libpodVersion: string | undefined;

  constructor(settings: Pick<DockerProviderSettings, 'host' | 'tls'>) {
    this.modem = new Docker(connectionOf(settings)).modem;
  }

  async ping(signal?: AbortSignal): Promise<void> {
    await text(await this.call('GET', '/_ping', { signal }));
  }

  /** Whether they run or not. @param label which they have; undefined: all that the daemon has */
  containers(label: string | undefined, signal?: AbortSignal): Promise<ListedContainer[]> {
    const query = { all: true, ...(label !== undefined && { filters: { label: [label] } }) };
    return this.list('/containers/json', { query, signal });
  }

  /** @returns its id */
  async create(name: string, body: ContainerRequest, signal?: AbortSignal): Promise<string> {
    const { Id } = await this.json<{ Id: string }>('POST', '/containers/create', {
      query: { name },
      body,
      signal,
    });
    return Id;
  }

  /** Docker before API 1.44 takes one network when it makes a container. */
  async connect(network: string, container: string, signal?: AbortSignal): Promise<void> {
    const path = `/networks/${encodeURIComponent(network)}/connect`;
    await this.done('POST', path, { body: { Container: container }, signal });
  }

  async start(id: string, signal?: AbortSignal): Promise<void> {
    await this.done('POST', `/containers/${id}/start`, { signal });
  }

  async rename(id: string, name: string, signal?: AbortSignal): Promise<void> {
    await this.done('POST', `/containers/${id}/rename`, { query: { name }, signal });
  }

  async unpause(id: string, signal?: AbortSignal): Promise<void> {
    await this.done('POST', `/containers/${id}/unpause`, { signal });
  }

  /** What is gone has stopped. @param grace seconds until SIGKILL */
  async stop(id: string, grace: number, signal?: AbortSignal): Promise<void> {
    await this.done('POST', `/containers/${id}/stop`, { query: { t: grace }, signal }).catch(unlessMissing);
  }

  /** Its volumes without a name go with it. @returns whether it is gone: not yet where something else removes or uses it */
  async remove(id: string, signal?: AbortSignal): Promise<boolean> {
    return isGone(this.done('DELETE', `/containers/${id}`, { query: { force: true, v: true }, signal }));
  }

  /**
   * @returns the volume of that name, which may have been there before, with other labels. Podman fails with 500 when
   * somebody else makes it at the same moment.
   */
  async createVolume(
    Name: string,
    Labels: Record<string, string>,
    signal?: AbortSignal,
  ): Promise<ListedVolume> {
    try {
      return await this.json('POST', '/volumes/create', { body: { Name, Labels }, signal });
    } catch (error) {
      signal?.throwIfAborted();
      if (!/already exists/i.test(wordsOf(error))) throw error;
      return this.json('GET', `/volumes/${encodeURIComponent(Name)}`, { signal });
    }
  }

  async volumes(label: string, signal?: AbortSignal): Promise<ListedVolume[]> {
    const query = { filters: { label: [label] } };
    const { Volumes } = await this.json<{ Volumes: ListedVolume[] | null }>('GET', '/volumes', {
      query,
      signal,
    });
    return Volumes ?? [];
  }

  /** @returns whether it is gone: not where a container has it */
  removeVolume(name: string, signal?: AbortSignal): Promise<boolean> {
    return isGone(this.done('DELETE', `/volumes/${encodeURIComponent(name)}`, { signal }));
  }

  images(signal?: AbortSignal): Promise<ListedImage[]> {
    return this.list('/images/json', { signal });
  }

  /** @returns whether it is gone: not where a container has it */
  removeImage(reference: string, signal?: AbortSignal): Promise<boolean> {
    return isGone(this.done('DELETE', `/images/${reference}`, { signal }));
  }

  /** What a pull tells. One that fails may be answered by 200, and have the error among these. */
  async *pull(
    fromImage: string,
    tag: string,
    authconfig: RegistryAuth | undefined,
    signal?: AbortSignal,
  ): AsyncGenerator<PullEvent> {
    const call = { query: { fromImage, tag }, authconfig, signal };
    yield* jsonLines<PullEvent>(await this.call('POST', '/images/create', call));
  }

  /** Undefined of one that has ended: Podman answers that with 200 and an empty body. */
  async stats(id: string, signal?: AbortSignal): Promise<ContainerStats | undefined> {
    const query = { stream: false, 'one-shot': true };
    const answer = await text(await this.call('GET', `/containers/${id}/stats`, { query, signal }));
    if (!answer.trim()) return undefined;
    const stats = JSON.parse(answer) as ContainerStats;
    // Podman always writes zeros there, whatever was throttled.
    if (this.libpodVersion) delete stats.cpu_stats?.throttling_data;
    return stats;
  }

  /** By id. Empty when one of them has ended, and of Docker, which has no call for many. */
  async statsOfMany(ids: readonly string[], signal?: AbortSignal): Promise<Map<string, ContainerStats>> {
    if (!this.libpodVersion) return new Map();
    const query = ids.map((id) => `containers=${id}`).join('&');
    const path = `/v${this.libpodVersion}/libpod/containers/stats?stream=false&${query}`;
    const { Stats } = await this.json<{ Stats: LibpodStats[] | null }>('GET', path, { signal });
    return new Map((Stats ?? []).map((stats) => [stats.ContainerID, toContainerStats(stats)]));
  }

  /** From when this resolves until the daemon ends. */
  async events(label: string, signal: AbortSignal): Promise<AsyncIterable<ContainerEvent>> {
    const query = { filters: { type: ['container'], label: [label] } };
    return jsonLines<ContainerEvent>(await this.call('GET', '/events', { query, signal }));
  }

  async *logs(
    id: string,
    query: { tail: number; since?: number | undefined; follow: boolean },
    signal?: AbortSignal,
  ): AsyncGenerator<Output> {
    const call = { query: { stdout: true, stderr: true, ...query }, signal };
    yield* demultiplex(await this.call('GET', `/containers/${id}/logs`, call));
  }

  /** @returns its id, for `startExec` and `exitCodeOf` */
  async createExec(id: string, Cmd: string[], Env: string[], signal?: AbortSignal): Promise<string> {
    const body = { Cmd, Env, AttachStdout: true, AttachStderr: true };
    const { Id } = await this.json<{ Id: string }>('POST', `/containers/${id}/exec`, { body, signal });
    return Id;
  }

  /** The output, until the command has ended. */
  async *startExec(exec: string, signal?: AbortSignal): AsyncGenerator<Output> {
    yield* demultiplex(await this.call('POST', `/exec/${exec}/start`, { body: { Detach: false }, signal }));
  }

  /** Undefined while it runs. */
  async exitCodeOf(exec: string, signal?: AbortSignal): Promise<number | undefined> {
    const found = await this.json<{ Running: boolean; ExitCode: number | null }>(
      'GET',
      `/exec/${exec}/json`,
      {
        signal,
      },
    );
    return found.Running ? undefined : (found.ExitCode ?? undefined);
  }

  private async json<T>(method: string, path: string, call: Call): Promise<T> {
    const answer = JSON.parse(await text(await this.call(method, path, call))) as T;
    if (answer === null) throw new SyntaxError(`the answer to ${path} is empty`);
    return answer;
  }

  /** What answers may be no daemon: `null` or a page would else be an empty list, of which all are missing. */
  private async list<T>(path: string, call: Call): Promise<T[]> {
    const answer = await this.json<T[]>('GET', path, call);
    if (!Array.isArray(answer)) throw new SyntaxError(`the answer to ${path} is no list`);
    return answer;
  }

  private async done(method: string, path: string, call: Call): Promise<void> {
    await text(await this.call(method, path, call));
  }

  private call(
    method: string,
    path: string,
    { query = {}, body = {}, authconfig, signal }: Call,
  ): Promise<Readable> {
    return new Promise((resolve, reject) => {
      const options = {
        path: `${path}${path.includes('?') ? '&' : '?'}`,
        method,
        options: { _query: withoutUndefined(query), _body: body },
        isStream: true,
        statusCodes: SUCCESS,
        ...(authconfig && { authconfig }),
        ...(signal && { abortSignal: signal }),
      };
      this.modem.dial(options as never, (error: Error | null, answer: unknown) => {
        if (signal?.aborted) reject(signal.reason as Error);
        else if (error) reject(error);
        else {
          const { headers } = answer as IncomingMessage;
          this.libpodVersion = headers['libpod-api-version'] as string | undefined;
          resolve(answer as IncomingMessage);
        }
      });
    });
  }
}

async function text(answer: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function withoutUndefined(query: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined));
}

function unlessMissing(error: unknown): void {
  if (!isMissing(error)) throw error;
}

async function isGone(removal: Promise<void>): Promise<boolean> {
  try {
    await removal;
    return true;
  } catch (error) {
    if (isMissing(error)) return true;
    if (isConflict(error) || isBusy(error)) return false;
    throw error;
  }
}
