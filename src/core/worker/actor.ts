import { shown } from '../text/shown.js';
import { storableText } from '../text/storable-text.js';

/** Who asks for something. Kept with what comes of it, and may be shown to everybody who may see that. */
export interface ByActor {
  /** At most 200 characters; longer ones are cut. Empty is as good as none. */
  readonly actor?: string | undefined;
}

const LONGEST_ACTOR = 200;

/** As every store can keep it. */
export function storableActor({ actor }: ByActor): ByActor {
  const storable = actor === undefined || actor === null ? '' : storableText(shown(actor), LONGEST_ACTOR);
  return storable === '' ? {} : { actor: storable };
}
