import { Injectable } from '@nestjs/common';

/** What the workers did, for the tests to read. */
@Injectable()
export class Journal {
  readonly entries: string[] = [];

  /** How often something was done. */
  count(entry: string): number {
    return this.entries.filter((other) => other === entry).length;
  }
}
