import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { defaultDataDirectory } from '../../src/app/data-directory/index.js';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

/** `nobody` on Debian and its kin. */
const NOBODY = 65_534;

/**
 * Whom a child process runs as so as not to be root, for `spawn`: this user if it is ordinary, else nobody.
 * Undefined when nobody may not enter this checkout (a clone in /root): there is no way to try it then.
 */
export const ORDINARY_USER: { uid?: number; gid?: number } | undefined = await ordinaryUser();

async function ordinaryUser() {
  if (process.getuid?.() !== 0) return {};
  const { notice } = await defaultDataDirectory(REPOSITORY);
  return notice ? undefined : { uid: NOBODY, gid: NOBODY };
}

/** What a module, given by its source, writes as that user; it may import TypeScript by file URLs. */
export async function outputAsOrdinaryUser(source: string): Promise<string> {
  const args = ['--import', 'tsx', '--input-type=module', '--eval', source];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: REPOSITORY,
    env: { ...process.env, NODE_OPTIONS: '' },
    ...ORDINARY_USER,
  });
  return stdout.trim();
}
