import { Injectable } from '@nestjs/common';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Files in a directory. */
@Injectable()
export class Uploads {
  readonly directory = process.env.UPLOADS ?? join(tmpdir(), 'example-uploads');

  /** Paths of all files. The directory is made if it is missing. */
  async list(): Promise<string[]> {
    await mkdir(this.directory, { recursive: true });
    const entries = await readdir(this.directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(this.directory, entry.name));
  }

  /** Milliseconds since it was last written. */
  async age(path: string): Promise<number> {
    return Date.now() - (await stat(path)).mtimeMs;
  }

  /** Removing what has gone already is no error: two processes may clean one directory. */
  async remove(path: string): Promise<void> {
    await rm(path, { force: true });
  }
}
