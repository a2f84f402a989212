import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/**
 * Runs Node in a folder, in an environment of its own, to its end.
 * @param given its arguments, and variables of that environment
 * @returns what it wrote to stdout
 * @throws Error that shows all that it wrote, if it ends with another code than 0
 */
export async function nodeOutput(
  cwd: string,
  ...given: (string | Record<string, string>)[]
): Promise<string> {
  const args = given.filter((arg) => typeof arg === 'string');
  const variables = given.filter((arg) => typeof arg !== 'string');
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args, {
      cwd,
      env: Object.assign({ PATH: process.env.PATH }, ...variables) as NodeJS.ProcessEnv,
    });
    return stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`node ${args.join(' ')} failed:\n${stderr}\n${stdout}`, { cause: error });
  }
}
