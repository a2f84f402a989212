import { open, readFile, rename } from 'node:fs/promises';
import { z } from 'zod';
import { type InstanceId, isId, type TenantId } from '../../ids/typed-id.js';
import { parseInput } from '../../input/input.js';
import { type InstanceSpec, type Labels } from '../provider.js';
import { instanceSpecSchema } from '../provision-request.schema.js';
import { BrokenInstanceError } from './process.errors.js';

/**
 * What is kept of an instance beside its process. It changes only while nothing of the instance runs, so
 * what runs was always started from what is recorded.
 */
export interface InstanceRecord {
  tenantId: TenantId;
  name: string;
  labels: Labels;
  spec: InstanceSpec;
  /** What `rollback` returns to. */
  previousSpec?: InstanceSpec;
  /** Numbers by name of all ports that the instance has ever had, so that it gets the same again. */
  ports: Record<string, number>;
  /** The user that it runs as; absent: the control plane's. */
  user?: number;
}

const schema: z.ZodType<InstanceRecord> = z.object({
  tenantId: z.custom<TenantId>((value) => isId('tenant', value), 'is no tenant id'),
  name: z.string(),
  labels: z.record(z.string(), z.string()),
  spec: instanceSpecSchema,
  previousSpec: instanceSpecSchema.optional(),
  ports: z.record(z.string(), z.int().min(1).max(65_535)),
  user: z.int().min(1).optional(),
});

/**
 * The record in that file; undefined when there is none.
 * @throws BrokenInstanceError which never quotes the file: the environment in it may hold secrets.
 */
export async function readRecord(id: InstanceId, path: string): Promise<InstanceRecord | undefined> {
  try {
    return parseInput('record', schema, JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    // The parser's own message quotes the text.
    const reason = error instanceof SyntaxError ? 'it is not JSON' : (error as Error).message;
    throw new BrokenInstanceError(id, path, reason);
  }
}

/**
 * Writes a record beside the present one, which `useRecord` then replaces as a whole and for good: after a crash or a
 * power cut there is the old one or the new.
 */
export async function prepareRecord(path: string, record: InstanceRecord): Promise<void> {
  const file = await open(nextOf(path), 'w', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(record, undefined, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

export async function useRecord(path: string): Promise<void> {
  await rename(nextOf(path), path);
}

function nextOf(path: string): string {
  return `${path}.next`;
}
