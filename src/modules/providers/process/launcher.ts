import { type ChildProcess, spawn } from 'node:child_process';
import { IDENTITY_FILE } from './instance-directory.js';

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
 * file; a pipe would break with us.
 */

// The start time as `readProcessIdentity` reads it: field 22 of stat (the fields after the last bracket begin
// with the third), or what ps says. `ln` is looked for where it always is, whatever PATH the program gets.
const SCRIPT = `
run=$1
shift
nth() { shift "$1"; start=$1; }
if read -r stat 2>/dev/null </proc/$$/stat; then
  boot=
  read -r boot 2>/dev/null </proc/sys/kernel/random/boot_id
  nth 20 \${stat##*) }
  start=$start@$boot
else
  start=$(PATH=/usr/bin:/bin:$PATH LC_ALL=C TZ=UTC0; export LC_ALL TZ; set -- $(ps -o lstart= -p $$); echo "$*")
fi
note=$run/launcher.$$
echo "$$ $start" >"$note" || exit
(PATH=/usr/bin:/bin:$PATH; ln "$note" "$run/${IDENTITY_FILE}") || exit
exec "$@"
`;

export interface LaunchOptions {
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
export function launch(run: string, { file, args, env, directory, output }: LaunchOptions): ChildProcess {
  const child = spawn('/bin/sh', ['-c', SCRIPT, 'launcher', run, file, ...args], {
    cwd: directory,
    env,
    detached: true,
    stdio: ['ignore', output, output],
  });
  child.unref();
  return child;
}
