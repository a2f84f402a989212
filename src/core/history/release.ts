import { applicationPackage } from '../text/application-package.js';
import { storableText } from '../text/storable-text.js';
import { shown } from '../text/shown.js';

/** Token of the release that this process runs; undefined when it is unknown. */
export const RELEASE = Symbol.for('ctrlplane-workers/release');

const LONGEST_RELEASE = 100;

/**
 * The release by the option; else by the environment variable `WORKERS_RELEASE`; else the `version` of the
 * application's `package.json` (see `applicationPackage`).
 * @throws RangeError for an option or a variable that is no text of 1 to 100 characters
 */
export function releaseOf(
  given: string | undefined,
  environment: NodeJS.ProcessEnv = process.env,
  version = () => applicationPackage()?.version,
): string | undefined {
  if (given !== undefined) return checked('release', given);
  const { WORKERS_RELEASE } = environment;
  if (WORKERS_RELEASE !== undefined && WORKERS_RELEASE !== '')
    return checked('WORKERS_RELEASE', WORKERS_RELEASE);
  const found = version();
  return found === undefined ? undefined : storableText(found, LONGEST_RELEASE);
}

function checked(name: string, release: string): string {
  const storable =
    typeof release === 'string' && storableText(release, LONGEST_RELEASE) === release && release !== '';
  if (storable) return release;
  throw new RangeError(
    `${name}: ${JSON.stringify(shown(release).slice(0, 200))} is no release: give a text of 1 to ${LONGEST_RELEASE} characters such as "2.4.1" or a commit`,
  );
}
