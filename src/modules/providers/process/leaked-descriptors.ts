import { openSync, readdirSync, readFileSync } from 'node:fs';

const O_CLOEXEC = 0o2000000;

let leaked: { number: number; substitute: number }[] | undefined;

/**
 * The `stdio` of a child that gets these descriptors and none else.
 *
 * Node closes at `exec` what it has opened itself, but not all that it was given by whoever started it (seen: what a
 * shell had opened as 20): a child would get those too. Nobody here can close them, as they may be in use, so that the
 * child finds `/dev/null` in their place.
 */
export function only(...wanted: (number | 'ignore' | 'pipe')[]): (number | 'ignore' | 'pipe')[] {
  leaked ??= findLeaked();
  const stdio = [...wanted];
  for (const { number, substitute } of leaked) {
    if (number < wanted.length) continue;
    while (stdio.length < number) stdio.push('ignore');
    stdio[number] = substitute;
  }
  return stdio;
}

/** What is inherited does not change while a process runs, so that one look is enough. */
function findLeaked(): { number: number; substitute: number }[] {
  if (process.platform !== 'linux') return [];
  const numbers = readdirSync('/proc/self/fdinfo').map(Number);
  const open = numbers.filter((number) => number > 2 && isInheritable(number)).sort((a, b) => a - b);
  return open.map((number) => ({ number, substitute: openSync('/dev/null', 'r') }));
}

function isInheritable(number: number): boolean {
  try {
    const flags = /^flags:\s+([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${number}`, 'utf8'))?.[1];
    return flags !== undefined && (parseInt(flags, 8) & O_CLOEXEC) === 0;
  } catch {
    return false; // the one that has listed them
  }
}
