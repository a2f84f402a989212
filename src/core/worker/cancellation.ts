import { shown } from '../text/shown.js';
import { storableText } from '../text/storable-text.js';
import { type ByActor, storableActor } from './actor.js';

/**
 * The person or program that cancels a run, and the reason. Both are stored with the run, and shown to everyone who may
 * see it.
 */
export interface Cancellation extends ByActor {
  /** At most 1,000 characters; longer ones are cut. */
  readonly reason?: string | undefined;
}

const LONGEST_REASON = 1_000;

/** The cancellation in a form that every store accepts. */
export function storableCancellation({ reason, ...by }: Cancellation): Cancellation {
  return {
    ...storableActor(by),
    ...(reason !== undefined && reason !== null && { reason: storableText(shown(reason), LONGEST_REASON) }),
  };
}
