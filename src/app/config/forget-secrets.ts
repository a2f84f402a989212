import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';

/** Those of the app's variables that hold a secret. */
export const SECRETS = ['DATABASE_URL', 'WORKERS_TOKEN', 'ENCRYPTION_KEYS', 'WEBHOOKS', 'WEBHOOK_SECRET'];

/**
 * Takes variables out of this process's environment: no child inherits them, and on Linux they are gone from
 * `/proc/<pid>/environ` as well. Whoever started this process (npm, a shell) has an environment of its own.
 */
export function forgetSecrets(names: readonly string[] = SECRETS): void {
  const present = names.filter((name) => process.env[name] !== undefined);
  for (const name of present) delete process.env[name];
  if (process.platform !== 'linux' || present.length === 0) return;
  try {
    overwrite(present);
  } catch {
    // A kernel or a container may forbid to write to one's own memory this way. The same user could read it anyway.
  }
}

/** The strings that the process was started with stay in its memory, at a place that it knows: proc_pid_stat(5). */
function overwrite(names: readonly string[]): void {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [begin, end] = [Number(fields[50 - 3]), Number(fields[51 - 3])];
  if (!(begin > 0 && end > begin)) return;
  const memory = openSync('/proc/self/mem', 'r+');
  try {
    const block = Buffer.alloc(end - begin);
    readSync(memory, block, 0, block.length, begin);
    let at = 0;
    for (const entry of block.toString('latin1').split('\0')) {
      if (names.some((name) => entry.startsWith(`${name}=`)))
        writeSync(memory, Buffer.alloc(entry.length), 0, entry.length, begin + at);
      at += entry.length + 1;
    }
  } finally {
    closeSync(memory);
  }
}
