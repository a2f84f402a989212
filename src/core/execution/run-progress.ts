import { shown } from '../text/shown.js';
import { storableText } from '../text/storable-text.js';
import { type RunProgress } from '../worker/run-context.js';

const LONGEST_MESSAGE = 2_000;

/**
 * The progress that a worker reports, as it is recorded: the types are not checked at run time, and one BigInt or
 * half an emoji must not keep the record from being stored. Without a finite number, `done` is 0 and `total` is left
 * out.
 */
export function progressOf(done: unknown, total: unknown, message: unknown): RunProgress {
  const most = finite(total);
  return {
    done: finite(done) ?? 0,
    ...(most !== undefined && { total: most }),
    ...(message !== undefined && { message: storableText(shown(message), LONGEST_MESSAGE) }),
  };
}

function finite(value: unknown): number | undefined {
  const number = typeof value === 'bigint' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}
