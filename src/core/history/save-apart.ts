import { isRefusedForGood } from '../outages/store-refused.error.js';
import { messageOf } from '../text/describe-error.js';
import { type Run } from './run.js';
import { type RunStore } from './run.store.js';

/** A run that the store refuses in every form, and the last error. */
export interface Unsaveable {
  readonly run: Run;
  readonly error: unknown;
}

/**
 * Saves a batch that the store has refused for good, so that a bad run costs only itself. Halves are saved apart
 * until the bad ones are found: 20 calls for one in a thousand. In these the texts are replaced: first what is not
 * ASCII, as a database in LATIN1 has no other script; then all texts, by the reason. A payload is left out instead.
 *
 * @returns the runs that the store refuses in every form
 * @throws the error when the store cannot be reached; runs that were saved by then may be saved again
 */
export async function saveApart(
  store: Pick<RunStore, 'save'>,
  runs: readonly Run[],
  refusal: unknown,
): Promise<Unsaveable[]> {
  const [run] = runs;
  if (runs.length === 1) return saveSimplified(store, run!, refusal);
  const unsaveable: Unsaveable[] = [];
  const middle = runs.length >> 1;
  for (const half of [runs.slice(0, middle), runs.slice(middle)]) {
    const error = await refusalOf(store, half);
    if (error) unsaveable.push(...(await saveApart(store, half, error.refusal)));
  }
  return unsaveable;
}

async function saveSimplified(
  store: Pick<RunStore, 'save'>,
  run: Run,
  refusal: unknown,
): Promise<Unsaveable[]> {
  let error = refusal;
  for (const simpler of [withAsciiOnly(run), withoutTexts(run, refusal)]) {
    const refused = await refusalOf(store, [simpler]);
    if (!refused) return [];
    error = refused.refusal;
  }
  return [{ run, error }];
}

async function refusalOf(
  store: Pick<RunStore, 'save'>,
  runs: readonly Run[],
): Promise<{ refusal: unknown } | undefined> {
  try {
    await store.save(runs);
    return undefined;
  } catch (error) {
    if (!isRefusedForGood(error)) throw error;
    return { refusal: error };
  }
}

function withAsciiOnly(run: Run): Run {
  const { error, progress, metrics, log, actor, release, payload, payloadOmitted, ...rest } = run;
  const isKept = payload !== undefined && isAscii(payload);
  return {
    ...rest,
    ...(error && { error: ascii(error) }),
    ...(progress && { progress: ascii(progress) }),
    ...(metrics && { metrics: ascii(metrics) }),
    ...(log && {
      log: { ...log, lines: log.lines.map((line) => ({ ...line, message: asciiText(line.message) })) },
    }),
    ...(actor !== undefined && { actor: asciiText(actor) }),
    ...(release !== undefined && { release: asciiText(release) }),
    ...(isKept && { payload }),
    ...((payloadOmitted || (payload !== undefined && !isKept)) && { payloadOmitted: true }),
  };
}

/** The run without any text from outside, such as errors, logs and payload. */
export function withoutTexts<T extends Run>(
  { error, progress, metrics: _, log, actor: __, release: ___, payload, ...run }: T,
  refusal: unknown,
): T {
  return {
    ...run,
    ...(progress && { progress: { done: Number(progress.done) || 0 } }),
    ...(error && {
      error: ascii({ message: `The error cannot be stored: ${messageOf(refusal)}` }),
    }),
    ...(log && { log: { lines: [], dropped: log.dropped + log.lines.length } }),
    ...(payload !== undefined && { payloadOmitted: true }),
  } as T;
}

/** Every other character, also those of keys, becomes a question mark. */
function ascii<T extends object>(value: T): T {
  try {
    return JSON.parse(asciiText(JSON.stringify(value))) as T;
  } catch {
    // A record from outside may hold anything; the next form leaves it out.
    return value;
  }
}

/** A payload is data: question marks in it would be other data, so it is kept whole or not at all. */
function isAscii(payload: unknown): boolean {
  const json = JSON.stringify(payload);
  return asciiText(json) === json;
}

function asciiText(text: string): string {
  return text.replace(/[^\x20-\x7e]/gu, '?');
}
