import { shown } from '../text/shown.js';
import { storableText } from '../text/storable-text.js';

/** The person or program that asks for something. Kept with the run or the change, and shown to everybody who may see that. */
export interface ByActor {
  /** At most 200 characters; longer ones are cut. An empty one counts as none. */
  readonly actor?: string | undefined;
}

const LONGEST_ACTOR = 200;

/** As every store can keep it. */
export function storableActor({ actor }: ByActor): ByActor {
  const storable = actor === undefined || actor === null ? '' : storableText(shown(actor), LONGEST_ACTOR);
  return storable === '' ? {} : { actor: storable };
}
