import { shown } from '../text/shown.js';
import { storableText } from '../text/storable-text.js';
import { type ByActor, storableActor } from './actor.js';

/** The person or program that ends a run, and the reason. Both are kept with the run, and shown to everybody who may see it. */
export interface Cancellation extends ByActor {
  /** At most 1,000 characters. */
  readonly reason?: string | undefined;
}

const LONGEST_REASON = 1_000;

/** As every store can keep it. */
export function storableCancellation({ reason, ...by }: Cancellation): Cancellation {
  return {
    ...storableActor(by),
    ...(reason !== undefined && reason !== null && { reason: storableText(shown(reason), LONGEST_REASON) }),
  };
}
