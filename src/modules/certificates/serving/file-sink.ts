import { chmod, mkdir, open, readdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type ActiveCertificate, certificatePurpose } from '../certificate.js';
import { type KeyRing } from '../keys/key-ring.js';

/** Readable by this user alone. */
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

/** Matches what this class writes; other files in the directory are left alone. */
const FILES_OF = /^\.?(cert_[0-9a-z]{26})(?:-\d+|\.new)?$/;

/**
 * Writes certificates as PEM files for servers that read files: `<directory>/<certificate id>/` holds `fullchain.pem`,
 * `privkey.pem` and both in `combined.pem`. It is a link to the files of one version, and a new version is put in its
 * place by one rename: nobody ever reads the key of one with the chain of another.
 */
export class FileSink {
  constructor(
    private readonly directory: string,
    private readonly keyRing: KeyRing,
  ) {}

  /** @returns false when that version is there already */
  async write({ id, version, chain, sealedKey }: ActiveCertificate): Promise<boolean> {
    const target = `.${id}-${version}`;
    const link = join(this.directory, id);
    if ((await readlink(link).catch(() => undefined)) === target) return false;
    const key = this.keyRing.open(sealedKey, certificatePurpose(id));
    await mkdir(this.directory, { recursive: true, mode: DIRECTORY_MODE });
    const files = join(this.directory, target);
    // What a crash has left is written anew.
    await rm(files, { recursive: true, force: true });
    await mkdir(files, { mode: DIRECTORY_MODE });
    await this.writeFile(join(files, 'fullchain.pem'), chain);
    await this.writeFile(join(files, 'privkey.pem'), key);
    await this.writeFile(join(files, 'combined.pem'), `${key.trim()}\n${chain}`);
    const draft = `${link}.new`;
    await rm(draft, { force: true });
    await symlink(target, draft);
    await rename(draft, link);
    await this.removeOlder(id, target);
    return true;
  }

  /** Removes the files of a certificate that is gone. */
  async remove(id: string): Promise<void> {
    await rm(join(this.directory, id), { force: true });
    await this.removeOlder(id, undefined);
  }

  /** Ids of the certificates that have files. */
  async ids(): Promise<string[]> {
    const names = await readdir(this.directory).catch(() => []);
    return [...new Set(names.map((name) => FILES_OF.exec(name)?.[1]).filter((id) => id !== undefined))];
  }

  private async removeOlder(id: string, kept: string | undefined): Promise<void> {
    for (const name of await readdir(this.directory).catch(() => []))
      if (name.startsWith(`.${id}-`) && name !== kept)
        await rm(join(this.directory, name), { recursive: true, force: true });
  }

  /** On the disk before the rename is: a crash must not leave an empty key. */
  private async writeFile(path: string, text: string): Promise<void> {
    const file = await open(path, 'wx', FILE_MODE);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await chmod(path, FILE_MODE);
  }
}
