import { type InstanceId } from '../../ids/typed-id.js';
import {
  CommandNotRunnableError,
  ImageArchitectureError,
  ImageMissingError,
  OutOfResourcesError,
  PortTakenError,
  ProviderUnavailableError,
  ProvisionFailedError,
} from '../provider.errors.js';

/** What dockerode rejects with: the daemon's answer, or that there was none. */
interface Failure extends Error {
  statusCode?: number;
  code?: string;
  json?: { message?: string } | null;
}

/** Whether the daemon says that there is no such thing. */
export function isMissing(error: unknown): boolean {
  return (error as Failure).statusCode === 404;
}

/** Whether the daemon says that it is so already, or that something else is at it. */
export function isConflict(error: unknown): boolean {
  return (error as Failure).statusCode === 409;
}

/** Whether the daemon says that the system has something of it in use yet: it is given free a moment after its processes have ended. */
export function isBusy(error: unknown): boolean {
  return isAnswer(error) && /device or resource busy/i.test(wordsOf(error));
}

/** Whether the daemon answered at all. Without an answer nobody knows whether it did what it was asked for. */
export function isAnswer(error: unknown): boolean {
  return (error as Failure).statusCode !== undefined;
}

/** Whether the daemon says that the container does not run: with 409, or in words. */
export function isNotRunning(error: unknown): boolean {
  return /is not running|container state improper|can only create exec sessions on running/i.test(
    wordsOf(error),
  );
}

/**
 * Whether it is the daemon that fails, and not what it was asked for: there is no answer, or one that is none of ours to
 * name better.
 */
export function isDaemonFailure(error: unknown): boolean {
  const { statusCode, code } = error as Failure;
  if (statusCode !== undefined) return statusCode >= 500 && !isNotRunning(error);
  return (code !== undefined && CONNECTION.test(code)) || error instanceof SyntaxError || isHangUp(error);
}

const CONNECTION =
  /^(?:ECONN|ENOENT$|EPIPE$|ENOTFOUND$|EAI_AGAIN$|ETIMEDOUT$|EHOST|ENET|EACCES$|EPERM$|HPE_|ERR_STREAM_PREMATURE_CLOSE$|ERR_TLS|CERT_|DEPTH_|SELF_SIGNED|UNABLE_TO_|ERR_SSL)/;

function isHangUp(error: unknown): boolean {
  return (
    error instanceof Error && /^(?:socket hang up|aborted|terminated|other side closed)$/.test(error.message)
  );
}

/** What dockerode puts before the daemon's words. */
const PREFIX = /^\(HTTP code \d+\) [^-]*- /;

/** What the daemon said, or why it said nothing; on one line. */
export function wordsOf(error: unknown): string {
  const { json, message } = error as Failure;
  const words = json?.message ?? message ?? String(error);
  return words.replace(PREFIX, '').replace(/\s+/g, ' ').trim().slice(0, 500);
}

/** The failure of a call that concerns no instance, or has no better name. */
export function asUnavailable(provider: string, error: unknown): Error {
  const words = wordsOf(error);
  return new ProviderUnavailableError(provider, `${words}${adviceOn(error as Failure, words)}`, {
    cause: error,
  });
}

function adviceOn({ code }: Failure, words: string): string {
  if (code === 'ENOENT' || code === 'ECONNREFUSED')
    return '. Start the daemon, or give the option `host` (DOCKER_HOST)';
  if (/HTTP request to an HTTPS server|certificate|wrong version number/i.test(words))
    return '. See the options `host` and `tls` (DOCKER_HOST, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH)';
  return '';
}

const RULES: [RegExp, (id: InstanceId, words: string, cause: unknown, image: string) => Error][] = [
  [
    /exec format error|no matching manifest for|does not (?:match|provide) the specified platform|no match for platform in manifest|no image found in (?:manifest|image index)|cannot be used on this platform/i,
    (id, words, cause, image) => new ImageArchitectureError(id, image, words, { cause }),
  ],
  [
    /(?:bind|listen|proxy|expose|port|publish).*(?:address already in use|port is already allocated)|port is already allocated|address already in use/i,
    (id, words, cause) => portTaken(id, words, cause),
  ],
  [
    /no space left on device|disk quota exceeded|cannot allocate memory|resource temporarily unavailable|too many open files|all predefined address pools have been fully subnetted/i,
    (id, words, cause) => new OutOfResourcesError(id, words, { cause }),
  ],
  [
    /no such image|image not known|manifest unknown|name unknown|failed to resolve reference .*: not found$|short-name .* did not resolve|repository .* not found|pull access denied|requested access to .* is denied|: denied$|\b403 Forbidden|unauthorized|authentication required|no basic auth credentials|manifest for .* not found|invalid reference format|normalizing (?:image|name)\b/i,
    (id, words, cause, image) => new ImageMissingError(id, image, words, { cause }),
  ],
];

/** Why an instance could not be made to run. */
export function asProvisionFailure(provider: string, id: InstanceId, image: string, error: unknown): Error {
  const isTheDaemons = isAnswer(error) || isDaemonFailure(error);
  if (!isTheDaemons) return error as Error;
  const words = wordsOf(error);
  for (const [pattern, name] of RULES) if (pattern.test(words)) return name(id, words, error, image);
  if (!isAnswer(error)) return asUnavailable(provider, error);
  return new ProvisionFailedError(id, words, { cause: error });
}

/** A command that the runtime could not begin: the program is not there, or is no program. */
export function asCommandFailure(program: string, error: unknown): Error | undefined {
  const words = wordsOf(error);
  if (!/executable file not found|no such file or directory|permission denied|exec format error/i.test(words))
    return undefined;
  return new CommandNotRunnableError(program, words);
}

/** How the port of the host is written: behind its address, where that of the container may follow; or by itself. */
const PORTS = [/\bport (\d{1,5})(?![\d.])/, /(?:\d\.\d+|\]):(\d{1,5})\b/, /:(\d{1,5})(?!.*:\d{1,5})/];

function portTaken(id: InstanceId, words: string, cause: unknown): Error {
  const port = PORTS.map((form) => form.exec(words)?.[1]).find(Boolean);
  return port ? new PortTakenError(id, Number(port)) : new ProvisionFailedError(id, words, { cause });
}
