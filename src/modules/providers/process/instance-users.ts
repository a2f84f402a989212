import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Numbers of users, as `[first, count]`. */
type Range = readonly [first: number, count: number];

/**
 * Users that no distribution, container manager or directory service gives out: systemd's list of ranges
 * (UIDS-GIDS) leaves the first one empty. Inside a container that maps 65,536 users there is only what systemd
 * keeps for services with dynamic users.
 */
const RANGES: readonly Range[] = [
  [1_879_048_192, 268_000_000],
  [61_184, 4_336],
];

/**
 * A user for each instance: a bare number without an entry in `/etc/passwd`, whom nothing else belongs to. So an
 * instance can neither read nor signal what is not its own, and whatever runs under the number is the instance's.
 */
export class InstanceUsers {
  private readonly owners = new Map<number, string>();

  private constructor(private readonly range: Range) {}

  /**
   * Undefined where this process cannot give another user to what it starts: it is not root, or not on Linux.
   * @throws Error as root on a system that keeps it from doing so, with what to do about it
   */
  static open(): InstanceUsers | undefined {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined;
    const range = RANGES.find((candidate) => isMapped(candidate, 'uid') && isMapped(candidate, 'gid'));
    const reason = range ? refusal(range[0]) : 'this user namespace has too few users';
    if (range && !reason) return new InstanceUsers(range);
    throw new Error(
      `as root it gives a user of its own to each instance, and cannot: ${reason}. Install util-linux (setpriv), or start as an ordinary user, or set users: 'same' if all instances are trusted like root`,
    );
  }

  /** Notes that the number belongs to the instance, as found on disk. */
  keep(user: number, owner: string): void {
    this.owners.set(user, owner);
  }

  /** The instance's number: the same as before if it is free. */
  allocate(owner: string): number {
    const [first, count] = this.range;
    const start = createHash('sha256').update(owner).digest().readUInt32BE() % count;
    for (let step = 0; step < count; step++) {
      const user = first + ((start + step) % count);
      if ((this.owners.get(user) ?? owner) !== owner) continue;
      this.owners.set(user, owner);
      return user;
    }
    throw new Error(`All ${count} users for instances are taken: remove instances that are not needed`);
  }

  release(owner: string): void {
    for (const [user, its] of this.owners) if (its === owner) this.owners.delete(user);
  }
}

/** Whether the kernel knows these users in this namespace. */
function isMapped([first, count]: Range, kind: 'uid' | 'gid'): boolean {
  try {
    const lines = readFileSync(`/proc/self/${kind}_map`, 'utf8').trim().split('\n');
    return lines
      .map((line) => line.trim().split(/\s+/).map(Number))
      .some(([inside = 0, , length = 0]) => inside <= first && first + count <= inside + length);
  } catch {
    return false;
  }
}

/** Why a program cannot be run as that user; undefined when it can. */
function refusal(user: number): string | undefined {
  try {
    execFileSync('setpriv', [...privileges(user), '/bin/sh', '-c', 'exit 0'], {
      env: { PATH: SYSTEM_PATH },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    return undefined;
  } catch (error) {
    const { stderr, message } = error as { stderr?: Buffer; message: string };
    return String(stderr ?? '').trim() || message;
  }
}

/** What root runs may not be looked for where an instance's own `PATH` says. */
export const SYSTEM_PATH = '/usr/bin:/bin:/usr/sbin:/sbin';

/** Arguments of setpriv(1): that user, no group of root's, and nothing that a setuid program could give back. */
export function privileges(user: number): string[] {
  return [`--reuid=${user}`, `--regid=${user}`, '--clear-groups', '--no-new-privs', '--inh-caps=-all'];
}
