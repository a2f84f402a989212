import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, resolve } from 'node:path';
import { CommandNotRunnableError } from '../provider.errors.js';

/**
 * The file that a program's name stands for, found as the system would: a name with a slash is a path from
 * the working directory, any other is looked up in `PATH`. Asked before anything is started, so that a
 * mistyped command is a clear error at once and not an exit code 127 in a log.
 *
 * @throws CommandNotRunnableError
 */
export async function findExecutable(program: string, path: string, directory: string): Promise<string> {
  if (program.includes('/')) {
    const file = resolve(directory, program);
    const fault = await faultOf(file);
    if (fault) throw new CommandNotRunnableError(program, `${file} ${fault}`);
    return file;
  }
  let fault = 'is in no directory of PATH: give its full path, or extend PATH in env';
  for (const entry of path.split(delimiter)) {
    const file = resolve(directory, entry, program);
    const here = await faultOf(file);
    if (!here) return file;
    if (here !== MISSING) fault = `${file} ${here}`;
  }
  throw new CommandNotRunnableError(program, fault);
}

const MISSING = 'does not exist';

async function faultOf(file: string): Promise<string | undefined> {
  try {
    if ((await stat(file)).isDirectory()) return 'is a directory';
    await access(file, constants.X_OK);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return MISSING;
    return code === 'EACCES'
      ? 'may not be run by this user: check its permissions'
      : `cannot be read (${code})`;
  }
}
