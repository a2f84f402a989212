import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/**
 * Runs a module in a process of its own, so that nothing that ran before it is in its figures. `global.gc` is there.
 * @param args what the module finds in `process.argv` from the third place on
 * @returns what the module hands to `report`
 */
export function inChild<T>(module: URL, ...args: string[]): Promise<T> {
  return inChildOf<T>(process.execPath, module, ...args);
}

/** The same by another Node. */
export async function inChildOf<T>(execPath: string, module: URL, ...args: string[]): Promise<T> {
  const { found, stop } = await start<T>(execPath, module, args);
  stop();
  return found;
}

/** The same with a module that goes on after its report, such as a server, until `stop`. */
export function startChild<T>(module: URL, ...args: string[]): Promise<StartedChild<T>> {
  return start(process.execPath, module, args);
}

export interface StartedChild<T> {
  found: T;
  pid: number;
  stop: () => void;
}

async function start<T>(execPath: string, module: URL, args: string[]): Promise<StartedChild<T>> {
  const child = fork(fileURLToPath(module), args, {
    execPath,
    execArgv: ['--import', 'tsx', '--expose-gc'],
    // Some peers write a line for each run that they lose.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const stop = (): void => void child.kill('SIGKILL');
  try {
    const [found] = await Promise.race([
      once(child, 'message') as Promise<[T]>,
      once(child, 'exit').then(([code]): never => {
        throw new Error(`${fileURLToPath(module)} ${args.join(' ')} ended with ${code} and reported nothing`);
      }),
    ]);
    return { found, pid: child.pid!, stop };
  } catch (error) {
    stop();
    throw error;
  }
}

/** Called in the child when it is done, as its last act. */
export function report(result: object): void {
  process.send!(result);
}
