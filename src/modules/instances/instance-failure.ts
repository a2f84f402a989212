import { storableText } from '../database/text.js';
import { ImageMissingError, OutOfResourcesError, PortTakenError } from '../providers/provider.errors.js';
import { type InstanceSpec, type Provider } from '../providers/provider.js';
import { type Instance, type InstanceReason } from './instance.js';

/** The last words of a program: lines, and characters in all. */
const TAIL_LINES = 20;
const TAIL_LENGTH = 2_000;

/** Values shorter than this are no secrets, and would riddle every log. */
const SHORTEST_SECRET = 6;

/** Why an attempt failed. One that has never run is `init_failed`, unless more is known. */
export function reasonOf(
  error: unknown,
  before: InstanceReason | undefined,
  hasRun: boolean,
): InstanceReason {
  if (error instanceof PortTakenError) return 'port_taken';
  if (error instanceof ImageMissingError) return 'image_missing';
  if (error instanceof OutOfResourcesError) return 'out_of_resources';
  if (before === 'crash_looping') return before;
  return hasRun ? 'provider_failed' : 'init_failed';
}

/** What the program wrote last; undefined when it wrote nothing, or its log cannot be read. */
export async function logTailOf(
  provider: Provider,
  { id, spec }: Pick<Instance, 'id' | 'spec'>,
  signal?: AbortSignal,
): Promise<string | undefined> {
  if (!provider.capabilities().has('logs')) return undefined;
  try {
    const lines = await provider.logs(id, { tail: TAIL_LINES }, signal);
    const text = withoutSecrets(lines.join('\n'), spec);
    return storableText(text.slice(-TAIL_LENGTH)) || undefined;
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
}

/** The values of its environment may be secrets, and programs print theirs when they fail. */
export function withoutSecrets(text: string, { env = {} }: InstanceSpec): string {
  const values = Object.values(env).filter((value) => value.length >= SHORTEST_SECRET);
  return values.reduce((rest, value) => rest.replaceAll(value, '[env]'), text);
}
