import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** Below it are the system's own users: halt, sync and operator have the group of root on some systems. */
const FIRST_ORDINARY_USER = 1_000;

/**
 * Whether this user, and root, are all that is in the group. A group of one's own is what many systems give each user, with
 * a umask that lets it write; others give all users one, such as `users`.
 *
 * What the system does not tell, as with users of a directory service that lists none, cannot be seen here.
 */
export async function isOwnGroup(gid: number): Promise<boolean> {
  const own = process.getuid?.() ?? 0;
  const users = (await entries('passwd')).map(([name = '', , uid, primary]) => ({
    name,
    uid: Number(uid),
    gid: Number(primary),
  }));
  const members = (await entries('group', gid))
    .filter(([, , id]) => Number(id) === gid)
    .flatMap(([, , , names = '']) => names.split(',').filter(Boolean));
  // Whoever is not listed here, such as the users of macOS, has groups of which nothing is known.
  if (gid !== 0 && !users.some(({ uid }) => uid === own)) return false;
  const others = users.filter(({ uid }) => uid !== own && uid !== 0);
  const known = new Map(users.map(({ name, uid }) => [name, uid]));
  return (
    members.every((name) => name === 'root' || known.get(name) === own || known.get(name) === 0) &&
    !others.some((user) => user.gid === gid && (gid !== 0 || user.uid >= FIRST_ORDINARY_USER))
  );
}

/** Fields of the lines of passwd(5) or group(5), wherever the system has its users from. */
async function entries(database: 'passwd' | 'group', key?: number): Promise<string[][]> {
  const asked = key === undefined ? [database] : [database, String(key)];
  const text = await promisify(execFile)('getent', asked, { timeout: 5_000 }).then(
    ({ stdout }) => stdout,
    () => readFile(`/etc/${database}`, 'utf8').catch(() => ''),
  );
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(':'));
}

/** Whether the path has an access control list, whose members the mode does not tell. False where `ls` does not show it. */
export async function hasAccessList(path: string): Promise<boolean> {
  const { stdout } = await promisify(execFile)('ls', ['-ld', '--', path]).catch(() => ({ stdout: '' }));
  return /^\S{10}\+/.test(stdout);
}
