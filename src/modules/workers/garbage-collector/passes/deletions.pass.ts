import { Injectable } from '@nestjs/common';
import { OrphanRepository } from '../orphan.repository.js';
import { type GarbagePass, type PassContext } from './garbage-pass.js';

/** Milliseconds for which it is known what was deleted: nothing that a deletion leaves is found so late. */
const RECORDED_FOR = 30 * 24 * 3_600_000;

/** Forgets what was deleted a month ago. The last one: by those records the others tell what is lost. */
@Injectable()
export class DeletionsPass implements GarbagePass {
  readonly name = 'deletions';
  readonly description = 'Records of what was deleted more than 30 days ago.';

  constructor(private readonly orphans: OrphanRepository) {}

  async run({ dryRun }: PassContext): Promise<void> {
    if (!dryRun) await this.orphans.forgetDeletionsAcrossTenants(RECORDED_FOR);
  }
}
