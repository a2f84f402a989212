import { storableText } from '../database/text.js';
import { ImageMissingError, OutOfResourcesError, PortTakenError } from '../providers/provider.errors.js';
import { type Provider, type ProviderInstance } from '../providers/provider.js';
import { withoutSecrets } from '../providers/without-secrets.js';
import { type Instance, type InstanceReason } from './instance.js';

/** The last words of a program: lines, and characters in all. */
const TAIL_LINES = 20;
const TAIL_LENGTH = 2_000;

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

/**
 * What the program wrote last; undefined when it wrote nothing, or its log cannot be read.
 * @param observed tells which one it was, of several services
 */
export async function logTailOf(
  provider: Provider,
  { id, spec }: Pick<Instance, 'id' | 'spec'>,
  signal?: AbortSignal,
  observed?: Pick<ProviderInstance, 'services'>,
): Promise<string | undefined> {
  if (!provider.capabilities().has('logs')) return undefined;
  try {
    const ended = observed?.services?.find(({ kind, state }) => kind !== 'init' && state === 'exited');
    const lines = await provider.logs(
      id,
      { tail: TAIL_LINES, ...(ended && { service: ended.name }) },
      signal,
    );
    const text = withoutSecrets(lines.join('\n'), spec);
    return storableText(text.slice(-TAIL_LENGTH)) || undefined;
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
}
