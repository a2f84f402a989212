import { readdirSync, readFileSync } from 'node:fs';

/** Linux says it in these, whatever the kernel's own clock: `getconf CLK_TCK`. */
const TICK = 10;

/** Processor time of a process and its children until now, those that have ended included, in milliseconds. */
export function processorTime(pid: number): number {
  const family = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => statOf(Number(name)))
    .filter((stat) => stat !== undefined)
    .filter((stat) => stat.pid === pid || stat.parent === pid);
  return family.reduce((sum, { own, ended }) => sum + own + ended, 0) * TICK;
}

/** Parent of a process. */
export function parentOf(pid: number): number {
  return statOf(pid)!.parent;
}

/** proc(5): what comes after the name, which may hold anything, begins with the third field. */
function statOf(pid: number) {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined; // It has ended.
  }
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const field = (n: number): number => fields[n - 3]!;
  return { pid, parent: field(4), own: field(14) + field(15), ended: field(16) + field(17) };
}
