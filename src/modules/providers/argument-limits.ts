import { type z } from 'zod';

/** Bytes of one argument, or of one variable with its name and `=`: Linux has 131,072 for it and the NUL at its end. */
const MOST_OF_ONE = 131_071;
/** Bytes of all of them together. Linux has 2 MiB by default and macOS 1 MiB, of which pointers and the path take a part. */
const MOST_TOGETHER = 900_000;
const MOST_ARGUMENTS = 10_000;
/** The pointer to each of them and its NUL, which count too. */
const BESIDES = 9;

/**
 * Finds what no process can be started with, as the system says of it only E2BIG, and only at the start. Values that
 * are no text are refused elsewhere.
 */
export function refuseTooLong(
  { command = [], env = {} }: { command?: readonly unknown[]; env?: Readonly<Record<string, unknown>> },
  context: Pick<z.RefinementCtx, 'addIssue'>,
): void {
  const fault = (path: (string | number)[], message: string) =>
    context.addIssue({ code: 'custom', path, message });
  if (command.length > MOST_ARGUMENTS)
    fault(
      ['command'],
      `has ${command.length} arguments: at most ${MOST_ARGUMENTS}. Put them into a file that the program reads`,
    );
  let together = 0;
  const add = (path: (string | number)[], text: unknown): void => {
    if (typeof text !== 'string') return;
    const bytes = Buffer.byteLength(text);
    together += bytes + BESIDES;
    if (bytes > MOST_OF_ONE)
      fault(
        path,
        `has ${bytes} bytes: a process can be given at most ${MOST_OF_ONE} at a time. Put it into a file that the program reads`,
      );
  };
  command.forEach((argument, index) => add(['command', index], argument));
  for (const [name, value] of Object.entries(env))
    add(['env', name], typeof value === 'string' ? `${name}=${value}` : value);
  if (together > MOST_TOGETHER)
    fault(
      ['command'],
      `with env it has ${together} bytes: a process can be given at most ${MOST_TOGETHER}. Put what is long into a file that the program reads`,
    );
}
