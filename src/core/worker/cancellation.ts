import { storableText } from '../text/storable-text.js';

/** Who ends a run, and why. Both are kept with the run, and may be shown to everybody who may see it. */
export interface Cancellation {
  /** At most 200 characters. */
  readonly actor?: string;
  /** At most 1,000 characters. */
  readonly reason?: string;
}

const LONGEST_ACTOR = 200;
const LONGEST_REASON = 1_000;

/** As every store can keep it. */
export function storableCancellation({ actor, reason }: Cancellation): Cancellation {
  return {
    ...(actor !== undefined && { actor: storableActor(actor) }),
    ...(reason !== undefined && { reason: storableText(reason, LONGEST_REASON) }),
  };
}

export function storableActor(actor: string): string {
  return storableText(actor, LONGEST_ACTOR);
}
