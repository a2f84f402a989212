import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

/** By what everything that a start has brought about can be told from all else. */
export interface Confinement {
  /** The user that nothing but the instance runs as. */
  user?: number;
  /** Directory of the kernel's group. */
  cgroup?: string;
}

const FILE = 'confinement.json';

const schema: z.ZodType<Confinement> = z.object({
  user: z.int().min(1).optional(),
  cgroup: z.string().startsWith('/').optional(),
});

/**
 * Written before anything is started, so that no crash leaves a process of which it is not known. There as a whole or not
 * at all: half of one, from a full disk or a power cut, would keep the instance from ever being ended.
 */
export async function writeConfinement(run: string, confinement: Confinement): Promise<void> {
  const draft = join(run, `${FILE}.next`);
  await writeFile(draft, JSON.stringify(confinement), { mode: 0o600, flag: 'wx', flush: true });
  await rename(draft, join(run, FILE));
}

/** Nothing is known of a start from before there was such a file. @throws Error when it cannot be read */
export function readConfinement(run: string): Confinement {
  let text: string;
  try {
    text = readFileSync(join(run, FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
  return schema.parse(JSON.parse(text));
}
