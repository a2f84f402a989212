import { userInfo } from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import { ApiClient } from './api-client.js';
import { Output } from './output.js';

/** Of all commands that ask an application. */
interface ApiFlags {
  url: string;
  token?: string;
  actor?: string;
  json?: boolean;
}

/** What a command works with. */
export interface Context {
  readonly api: ApiClient;
  readonly output: Output;
}

const ADDRESS = ['--url <url>', 'address of the application, with its prefix (WORKERS_URL)'] as const;

/** Gives a command the options that all have which ask an application. */
export function asksApi(command: Command): Command {
  return withIdentity(command.option(...ADDRESS, process.env.WORKERS_URL || 'http://127.0.0.1:3000'));
}

/** The same options before the command, where many are used to give them. They go over those behind it. */
export function asksApiFirst(program: Command): Command {
  // Otherwise the program would take those behind the command too.
  return withIdentity(program.enablePositionalOptions().option(...ADDRESS));
}

function withIdentity(command: Command): Command {
  return command
    .option('--token <token>', 'better in WORKERS_TOKEN, as others see command lines')
    .option('--actor <name>', 'who asks, for the record (default: your user name)')
    .option('--json', 'JSON for programs');
}

export function contextOf(command: Command): Context {
  const { url, token = process.env.WORKERS_TOKEN, actor = userName() } = command.optsWithGlobals<ApiFlags>();
  return { api: new ApiClient({ url, token: token || undefined, actor }), output: outputOf(command) };
}

export function outputOf(command: Command): Output {
  return new Output(command.optsWithGlobals<ApiFlags>().json ?? false, process.stdout, process.stderr);
}

/** A whole number of this range. @throws InvalidArgumentError */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`);
  };
}

/** Absent where the system knows none, as in a container. */
function userName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}
