import { readdir, readFile } from 'node:fs/promises';

/** What runs with that in its environment, found on the machine and not by what anybody has noted. */
export async function markedProcesses(
  name: string,
  value: string,
): Promise<{ pid: number; environ: string[] }[]> {
  const found: { pid: number; environ: string[] }[] = [];
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const environ = (await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')).split('\0');
    if (environ.includes(`${name}=${value}`)) found.push({ pid: Number(pid), environ });
  }
  return found;
}
