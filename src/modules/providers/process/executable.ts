import { constants } from 'node:fs';
import { access, open, stat } from 'node:fs/promises';
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
    const fault = (await faultOf(file)) ?? (await faultOfInterpreter(file, path, directory));
    if (fault) throw new CommandNotRunnableError(program, `${file} ${fault}`);
    return file;
  }
  let fault = 'is in no directory of PATH: give its full path, or extend PATH in env';
  for (const entry of path.split(delimiter)) {
    const file = resolve(directory, entry, program);
    const here = await faultOf(file);
    if (!here) {
      const without = await faultOfInterpreter(file, path, directory);
      if (without) throw new CommandNotRunnableError(program, `${file} ${without}`);
      return file;
    }
    if (here !== MISSING) fault = `${file} ${here}`;
  }
  throw new CommandNotRunnableError(program, fault);
}

/** The longest first line that Linux reads for an interpreter (BINPRM_BUF_SIZE). */
const LONGEST_LINE = 256;

/** A script whose interpreter is missing ends with 127 and "not found" of a file that is there. */
async function faultOfInterpreter(
  script: string,
  path: string,
  directory: string,
): Promise<string | undefined> {
  const line = await firstLine(script);
  const [, interpreter, argument] = /^#![ \t]*([^ \t\n]+)[ \t]*([^ \t\n]*)/.exec(line ?? '') ?? [];
  if (!interpreter) return undefined;
  const named = `names ${JSON.stringify(interpreter)} as its interpreter in its first line, which`;
  const fault = await faultOf(resolve(directory, interpreter));
  if (fault)
    return `${named} ${fault}${interpreter.endsWith('\r') ? ': save it with line ends of Unix' : ''}`;
  if (!interpreter.endsWith('/env') || !argument || argument.startsWith('-')) return undefined;
  return findExecutable(argument, path, directory).then(
    () => undefined,
    ({ reason }: CommandNotRunnableError) =>
      `names ${JSON.stringify(argument)} as its interpreter in its first line, which ${reason}`,
  );
}

/** Undefined when it may not be read: it may be run all the same. */
async function firstLine(file: string): Promise<string | undefined> {
  const handle = await open(file, 'r').catch(() => undefined);
  try {
    const read = await handle?.read(Buffer.alloc(LONGEST_LINE), 0, LONGEST_LINE, 0);
    return read?.buffer.toString('latin1', 0, read.bytesRead).split('\n')[0];
  } finally {
    await handle?.close();
  }
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
