import { shown } from '../text/shown.js';
import { storableText } from '../text/storable-text.js';

/** The person or program that triggers a run or makes a change. Stored with it, and shown to everyone who may see it. */
export interface ByActor {
  /** At most 200 characters; longer ones are cut. An empty one counts as none. */
  readonly actor?: string | undefined;
}

const LONGEST_ACTOR = 200;

/** The actor in a form that every store accepts. */
export function storableActor({ actor }: ByActor): ByActor {
  const storable = actor === undefined || actor === null ? '' : storableText(shown(actor), LONGEST_ACTOR);
  return storable === '' ? {} : { actor: storable };
}
