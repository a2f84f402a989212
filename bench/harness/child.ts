import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/**
 * Runs a module in a process of its own, so that nothing that ran before it is in its figures. `global.gc` is there.
 * @param args what the module finds in `process.argv` from the third place on
 * @returns what the module hands to `report`
 */
export async function inChild<T>(module: URL, ...args: string[]): Promise<T> {
  const child = fork(fileURLToPath(module), args, {
    execArgv: ['--import', 'tsx', '--expose-gc'],
    // Some peers write a line for each run that they lose.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  try {
    const [message] = await Promise.race([
      once(child, 'message') as Promise<[T]>,
      once(child, 'exit').then(([code]): never => {
        throw new Error(`${fileURLToPath(module)} ${args.join(' ')} ended with ${code} and reported nothing`);
      }),
    ]);
    return message;
  } finally {
    child.kill('SIGKILL');
  }
}

/** Called in the child when it is done, as its last act. */
export function report(result: object): void {
  process.send!(result);
}
