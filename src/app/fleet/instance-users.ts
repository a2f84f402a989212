import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findExecutable } from '../../modules/providers/process/executable.js';
import { InstanceUsers } from '../../modules/providers/process/instance-users.js';
import { programOf, serviceNames } from '../../modules/providers/services/service-programs.js';
import { type FleetFile } from './fleet-file.js';

/** As whom instances run, and what a user should know of it. */
export interface InstanceUsersChoice {
  users: 'own' | 'same';
  notice: string;
}

/** Some ordinary user; any will do, as none of them owns anything that a fleet runs. */
const NOBODY = 65_534;

const OWN =
  'Each instance runs as a user of its own. Instances share the network, /tmp, and the processor, memory and disk of this machine.';

/**
 * As root each instance gets a user of its own, who has to be able to enter what the fleet names. A fleet in a
 * directory such as /root is run as root all the same when nobody said otherwise: it is root's own.
 * @param asked what the configuration says
 */
export async function instanceUsers(
  asked: 'own' | 'same' | undefined,
  fleet: FleetFile,
): Promise<InstanceUsersChoice> {
  const isRoot = process.getuid?.() === 0;
  const as = isRoot ? 'root' : 'this user';
  const same = (why: string): InstanceUsersChoice => ({
    users: 'same',
    notice: `Instances run as ${as}${why}, and can do what it can: read its files, end its processes.`,
  });
  if (asked === 'own') return { users: 'own', notice: OWN };
  if (asked === 'same' || !isRoot) return same('');
  const obstacle = await obstacleTo(fleet);
  return obstacle ? same(`, as ${obstacle} (INSTANCE_USERS=own insists)`) : { users: 'own', notice: OWN };
}

/** What keeps other users from running the fleet. */
async function obstacleTo({ tenants }: FleetFile): Promise<string | undefined> {
  try {
    if (!InstanceUsers.open()) return 'this system has no other users to give';
  } catch (error) {
    return `other users are not to be had here: ${(error as Error).message}`;
  }
  const paths = new Set<string>();
  const specs = tenants.flatMap(({ workloads, datacenters }) => [
    ...workloads.filter(isProcess),
    ...datacenters.flatMap(({ bootstrap = [] }) =>
      bootstrap.filter(isProcess).flatMap(({ services }) => services),
    ),
  ]);
  const programs = specs.flatMap(({ spec }) => serviceNames(spec).map((name) => programOf(spec, name)));
  for (const { command, env, workingDirectory = '/' } of programs) {
    paths.add(workingDirectory);
    const program = await findExecutable(command[0]!, env?.PATH ?? process.env.PATH ?? '', workingDirectory).catch(() => undefined); // prettier-ignore
    if (program) paths.add(program);
  }
  const closed = await firstClosed([...paths]);
  return closed && `${closed} is not open to other users`;
}

function isProcess({ provider = 'process' }: { provider?: string }): boolean {
  return provider === 'process';
}

/** Asked of the system by trying it: modes alone would miss access lists. */
async function firstClosed(paths: string[]): Promise<string | undefined> {
  const script = 'for path do test -x "$path" || { printf %s "$path"; exit 1; }; done';
  const options = { uid: NOBODY, gid: NOBODY, cwd: '/', env: {} };
  return promisify(execFile)('/bin/sh', ['-c', script, 'sh', ...paths], options).then(
    () => undefined,
    (error: { stdout?: string; message: string }) => error.stdout || error.message,
  );
}
