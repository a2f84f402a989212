import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseDuration } from '../timing/duration.js';
import { shown } from '../text/shown.js';
import { type IsolatedModule, type IsolationKind } from '../worker/isolate.js';
import { type WorkerOptions } from '../worker/worker-options.js';
import { oneOf } from './worker-rules.js';

/** `IsolatedModule`, checked. What was left out is undefined. */
export interface IsolatedFile {
  /** Absolute path. */
  readonly file: string | undefined;
  readonly export: string | undefined;
  /** MiB. */
  readonly memory: number | undefined;
  readonly execArgv: readonly string[] | undefined;
  /** Milliseconds. */
  readonly grace: number | undefined;
}

/** Where a worker's runs take place. What is undefined is that of the application. */
export interface IsolatedPlace extends IsolatedFile {
  readonly in: IsolationKind;
}

const KINDS = ['thread', 'process'] as const;

/** Node itself does not start with less. MiB. */
const LEAST_MEMORY = 16;

/** Undefined for the main thread. @throws Error that names the value and the fix */
export function isolatedPlace(given: WorkerOptions['isolate']): IsolatedPlace | undefined {
  if (given === undefined || given === false) return undefined;
  if (typeof given === 'object' && given !== null)
    return { in: oneOf(KINDS, given.in), ...isolatedFile(given) };
  return { in: oneOf(KINDS, given), ...isolatedFile({}) };
}

/** @throws Error that names the value and the fix */
export function isolatedFile(given: IsolatedModule): IsolatedFile {
  const { module, export: name, memory, execArgv, grace } = given;
  if (memory !== undefined && !(Number.isSafeInteger(memory) && memory >= LEAST_MEMORY))
    throw new Error(
      `memory: ${shown(memory)} is no whole number of MiB from ${LEAST_MEMORY} on: give one, or leave it out`,
    );
  if (name !== undefined && (typeof name !== 'string' || name === ''))
    throw new Error(`export: ${shown(name)} is no name: give that of the module's class in its file`);
  if (
    execArgv !== undefined &&
    !(Array.isArray(execArgv) && execArgv.every((option) => typeof option === 'string'))
  )
    throw new Error(`execArgv: ${shown(execArgv)} is no list of options: give one such as ['--import=tsx']`);
  return {
    file: module === undefined ? undefined : pathOf(module),
    export: name,
    memory,
    execArgv,
    grace: grace === undefined ? undefined : parseDuration(grace),
  };
}

function pathOf(module: unknown): string {
  // A URL of another realm, as under Jest, is no instance of this one's class.
  const text = shown(module instanceof URL || hasHref(module) ? module.href : module);
  if (text.startsWith('file:')) return fileURLToPath(text);
  if (typeof module === 'string' && isAbsolute(module)) return module;
  throw new Error(
    `module: ${text} is neither a file: URL nor an absolute path: give new URL('./heavy.module.js', import.meta.url), or join(__dirname, 'heavy.module.js')`,
  );
}

function hasHref(module: unknown): module is { href: unknown } {
  return typeof module === 'object' && module !== null && 'href' in module;
}
