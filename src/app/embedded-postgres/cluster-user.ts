import { spawn, type StdioOptions } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { EmbeddedPostgresError } from './embedded-postgres.errors.js';

/**
 * Whom PostgreSQL runs as. It refuses to run as root, so root gives it the system user `postgres`;
 * everybody else runs it as oneself.
 */
export interface ClusterUser {
  name: string;
  uid: number;
  gid: number;
  /** Still to be made by {@link makeUser}; until then the ids are nobody's, who may enter what it will. */
  missing?: true;
}

/** What a command did. `code` is null when a signal ended it. */
export interface CommandResult {
  code: number | null;
  /** Standard output and error together; empty if they went to a file. */
  output: string;
}

const SYSTEM_USER = 'postgres';
const NOBODY = 65_534;

/**
 * The user for the cluster in `data`: undefined is this process's own.
 * Root takes the owner of a cluster that exists, so that one made by an ordinary user stays usable for both.
 * @throws EmbeddedPostgresError when the cluster belongs to somebody else, or to root
 */
export async function userOfCluster(data: string): Promise<ClusterUser | undefined> {
  const uid = process.getuid?.();
  const owner = await stat(data).catch(() => undefined);
  if (uid !== 0) {
    if (owner && owner.uid !== uid) {
      throw new EmbeddedPostgresError(
        `The database in ${data} belongs to the user with id ${owner.uid}, and this is ${uid}. Start as that user, or set DATA_DIR to another directory.`,
      );
    }
    return undefined;
  }
  if (!owner) {
    return (await findUser(SYSTEM_USER)) ?? { name: SYSTEM_USER, uid: NOBODY, gid: NOBODY, missing: true };
  }
  if (owner.uid === 0) {
    throw new EmbeddedPostgresError(
      `The database in ${data} belongs to root, and PostgreSQL refuses to run as root. Give it back to its user: chown -R ${SYSTEM_USER} ${data}`,
    );
  }
  return { name: `with id ${owner.uid}`, uid: owner.uid, gid: owner.gid };
}

/**
 * Makes the user if it is missing, as a package of a Linux distribution would: no home, no login.
 * @throws EmbeddedPostgresError when it cannot be made
 */
export async function makeUser(user: ClusterUser | undefined): Promise<ClusterUser | undefined> {
  if (!user?.missing) return user;
  const flags = ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin'];
  const attempt = await runAs(undefined, 'useradd', [...flags, user.name]).catch((error: Error) => ({
    output: error.message,
  }));
  const made = await findUser(user.name);
  if (!made) {
    throw new EmbeddedPostgresError(
      `PostgreSQL refuses to run as root, and a user for it could not be made (${attempt.output.trim()}). Create one named ${user.name}, start as an ordinary user, or set DATABASE_URL.`,
    );
  }
  return made;
}

/**
 * Runs a program to its end as that user, in a session of its own, so that a terminal's Ctrl-C does not
 * reach it. Its environment is nearly empty: PG* variables would change what PostgreSQL does, and nothing
 * that the app keeps in its own is a server's business.
 * @param log file descriptor that takes the output. Needed for what leaves a server behind, which would
 *   hold a pipe open for ever.
 */
export function runAs(
  user: ClusterUser | undefined,
  program: string,
  args: string[],
  log?: number,
): Promise<CommandResult> {
  const stdio: StdioOptions = log === undefined ? ['ignore', 'pipe', 'pipe'] : ['ignore', log, log];
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...(user && { uid: user.uid, gid: user.gid }),
      // A directory that every user may enter: initdb asks for its name.
      cwd: '/',
      env: cleanEnvironment(),
      detached: true,
      stdio,
    });
    const output: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => output.push(chunk));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output: Buffer.concat(output).toString() }));
  });
}

function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = ['PATH', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH', 'TZ'];
  const env = Object.fromEntries(kept.map((name) => [name, process.env[name]]));
  return { ...env, LC_ALL: 'C' };
}

async function findUser(name: string): Promise<ClusterUser | undefined> {
  const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => runAs(undefined, 'id', [flag, name])));
  if (uid?.code !== 0 || gid?.code !== 0) return undefined;
  return { name, uid: Number(uid.output), gid: Number(gid.output) };
}
