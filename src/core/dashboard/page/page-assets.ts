import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { Injectable, NotFoundException, StreamableFile } from '@nestjs/common';
import { pageDirectory } from './page-directory.cjs';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};

/**
 * The files of the page. They are few and small: they are read once, so that no request leads to a path in the file
 * system.
 */
@Injectable()
export class PageAssets {
  private readonly directory = pageDirectory();
  private files?: ReadonlyMap<string, Buffer>;

  /** @throws NotFoundException for an unknown name, or when the page was not built */
  get(name: string): StreamableFile {
    const content = this.all().get(name);
    if (!content) throw new NotFoundException(`The page has no file "${name}"`);
    return new StreamableFile(content, { type: TYPES[extname(name)] ?? 'application/octet-stream' });
  }

  private all(): ReadonlyMap<string, Buffer> {
    if (!this.directory)
      throw new NotFoundException('The page was not built: `npm run build:page` in the package does that');
    const { directory } = this;
    return (this.files ??= new Map(
      [directory, join(directory, 'assets')].flatMap((folder) =>
        readdirSync(folder, { withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map(({ name }) => [name, readFileSync(join(folder, name))] as const),
      ),
    ));
  }
}
