import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  isAlive,
  type ProcessIdentity,
  readProcessIdentity,
} from '../modules/providers/process/process-identity.js';
import { writeSecret } from './write-secret.js';

/** How commands find the app that runs on a data directory, and what it takes to write to it. */
export interface RunningApp {
  url: string;
  token: string;
}

/** What the file holds besides: whose port it is. After a `kill -9` the file stays, and anybody may take the port. */
interface Announced extends RunningApp {
  process: ProcessIdentity | undefined;
}

const FILE = 'app.json';

/** No app runs on the data directory, or none that can be reached. */
export class NoRunningAppError extends Error {
  override readonly name = 'NoRunningAppError';

  constructor(directory: string, why: string) {
    super(
      `No app is running on ${directory} (${why}): start it by \`npm start\`, or set DATA_DIR to its directory`,
    );
  }
}

/** For this user alone, as what it says is enough to run programs. */
export async function announceApp(directory: string, app: RunningApp): Promise<void> {
  const announced: Announced = { ...app, process: readProcessIdentity(process.pid) };
  await writeSecret(join(directory, FILE), JSON.stringify(announced));
}

export async function retractApp(directory: string): Promise<void> {
  await rm(join(directory, FILE), { force: true });
}

/** @throws NoRunningAppError */
export async function findApp(directory: string): Promise<RunningApp> {
  let app: Announced;
  try {
    app = JSON.parse(await readFile(join(directory, FILE), 'utf8')) as Announced;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES')
      throw new NoRunningAppError(
        directory,
        `${join(directory, FILE)} may not be read by this user: run this as the user that runs the app`,
      );
    throw new NoRunningAppError(directory, (error as Error).message);
  }
  // Whoever listens there by now must not get the token.
  if (!app.process || !isAlive(app.process))
    throw new NoRunningAppError(directory, 'the one that ran there has ended');
  return { url: app.url, token: app.token };
}

/**
 * Posts to the app, and gives what it answers.
 * @throws NoRunningAppError; Error with what the app says is wrong
 */
export async function postToApp<Body>(directory: string, path: string): Promise<Body> {
  const { url, token } = await findApp(directory);
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
  }).catch((error: Error) => {
    throw new NoRunningAppError(
      directory,
      `${url}: ${(error.cause as Error | undefined)?.message ?? error.message}`,
    );
  });
  const body = (await response.json()) as Body & { detail?: string; title?: string };
  if (!response.ok) throw new AppRefusedError(body.detail ?? body.title ?? `HTTP ${response.status}`);
  return body;
}

/** The app does not do what it was asked for; the message says why. */
export class AppRefusedError extends Error {
  override readonly name = 'AppRefusedError';
}
