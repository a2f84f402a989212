import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { INSTANCE_VARIABLE } from '../provision-request.schema.js';
import { type Confinement } from './confinement.js';
import { IDENTITY_FILE } from './instance-directory.js';
import { privileges, SYSTEM_PATH } from './instance-users.js';
import { only } from './leaked-descriptors.js';

/**
 * Starts programs which outlive us, so that no kill at any moment can leak one.
 *
 * The control plane may be gone between the birth of a process and the note of its pid, so the process notes
 * itself: a shell puts its pid and start time into the run's directory and only then becomes the program,
 * by `exec`, which keeps both. The note is a hard link from a finished file: it is there as a whole or not at
 * all, and `ln` fails when there is one already or when the run was closed (its directory has another name).
 * Then nothing is run. So of all launchers of one run, late ones too, one at most ever becomes the program.
 *
 * A session of its own and no terminal: Ctrl-C in the control plane's does not reach it. Its output goes to a
 * file; a pipe would break with us. Nothing else that we have open gets to it.
 *
 * With a user of its own the shell is root's, and so is the note, which the program cannot change. Root runs nothing
 * by the program's environment (`LD_PRELOAD` is part of it): that comes by a file, which a second shell reads
 * when it has become that user.
 */

// The start time as `readProcessIdentity` reads it: field 22 of stat (the fields after the last bracket begin
// with the third), or what ps says. `ln` is looked for where it always is, whatever PATH the program gets.
const SCRIPT = `
run=$1 cgroup=$2
shift 2
nth() { shift "$1"; start=$1; }
if read -r stat 2>/dev/null </proc/$$/stat; then
  boot=
  read -r boot 2>/dev/null </proc/sys/kernel/random/boot_id
  nth 20 \${stat##*) }
  start=$start@$boot
else
  start=$(PATH=/usr/bin:/bin:$PATH LC_ALL=C TZ=UTC0; export LC_ALL TZ; set -- $(ps -o lstart= -p $$); echo "$*")
fi
[ -z "$cgroup" ] || echo $$ >"$cgroup/cgroup.procs" || exit
note=$run/launcher.$$
echo "$$ $start" >"$note" || exit
(PATH=/usr/bin:/bin:$PATH; ln "$note" "$run/${IDENTITY_FILE}") || exit
exec "$@"
`;

/** What the second shell does, as the instance's user: takes its environment from descriptor 3. */
const ENTER = 'eval "$(cat <&3)"; exec 3<&- "$@"';

export interface LaunchOptions extends Confinement {
  /** Full path of the program. */
  file: string;
  args: string[];
  /** All of its environment. */
  env: Record<string, string>;
  directory: string;
  /** File descriptor that takes its stdout and stderr. */
  output: number;
}

/**
 * Starts a launcher for the open run in that directory. The child's exit before the run has a process means
 * that the launcher has failed; its words are in the output.
 */
export function launch(run: string, options: LaunchOptions): ChildProcess {
  const child = start(run, options);
  child.unref();
  return child;
}

function start(run: string, options: LaunchOptions): ChildProcess {
  const { file, args, env, directory, output, user, cgroup = '' } = options;
  const launcher = ['-c', SCRIPT, 'launcher', run, cgroup];
  const spawned = { cwd: directory, detached: true };
  if (user === undefined) {
    const stdio = only('ignore', output, output);
    return spawn('/bin/sh', [...launcher, file, ...args], { ...spawned, env, stdio });
  }
  const variables = openVariables(run, env);
  try {
    return spawn('/bin/sh', [...launcher, ...asUser(user), file, ...args], {
      ...spawned,
      env: { PATH: SYSTEM_PATH, [INSTANCE_VARIABLE]: env[INSTANCE_VARIABLE] },
      stdio: only('ignore', output, output, variables),
    });
  } finally {
    closeSync(variables);
  }
}

/** The words before a program that make root's shell run it as that user, with the variables of descriptor 3. */
export function asUser(user: number): string[] {
  return ['setpriv', ...privileges(user), '/bin/sh', '-c', ENTER, 'enter'];
}

/** A descriptor from which a shell reads these variables; nothing of them stays on disk. */
export function openVariables(directory: string, env: Record<string, string>): number {
  const file = join(directory, `variables.${process.pid}.${process.hrtime.bigint()}`);
  const lines = Object.entries(env).map(
    ([name, value]) => `export ${name}='${value.replaceAll("'", `'\\''`)}'\n`,
  );
  writeFileSync(file, lines.join(''), { mode: 0o600, flag: 'wx' });
  try {
    return openSync(file, 'r');
  } finally {
    rmSync(file);
  }
}
