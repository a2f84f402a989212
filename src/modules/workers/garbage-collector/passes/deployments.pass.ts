import { Inject, Injectable } from '@nestjs/common';
import { Transactions } from '../../../database/transaction.js';
import { GARBAGE_COLLECTOR_SETTINGS, type GarbageCollectorSettings } from '../garbage-collector.options.js';
import { type PassLimits } from './garbage-pass.js';
import { DEPLOYMENTS } from './garbage.statements.js';
import { type Garbage, SweepPass } from './sweep-pass.js';

/**
 * Workloads of which a query looks at the deployments; of each it may give a thousand. With
 * twice as many PostgreSQL's estimate of the cost exceeds `jit_above_cost`, and it would compile every page.
 */
const WORKLOADS_PER_PAGE = 100;

/** What `DEPLOYMENTS.find` gives. */
interface Page {
  readonly items: Garbage[];
  /** Where the next page begins; null after the last one. */
  readonly next: string | null;
}

/**
 * Deployments, the record of a workload's releases. The last n of each workload stay, and every one that is current, under way,
 * or the target of a rollback.
 */
@Injectable()
export class DeploymentsPass extends SweepPass {
  readonly name = 'deployments';
  readonly description =
    'Deployments beyond the last n of each workload, and those of workloads that are gone.';
  protected override readonly distributed = true;

  constructor(
    private readonly transactions: Transactions,
    @Inject(GARBAGE_COLLECTOR_SETTINGS) private readonly settings: GarbageCollectorSettings,
  ) {
    super();
  }

  protected async *pages({ pageSize, gracePeriod }: PassLimits): AsyncIterable<readonly Garbage[]> {
    const workloads = Math.min(pageSize, WORKLOADS_PER_PAGE);
    for (let after: string | null = ''; after !== null;) {
      const page: Page[] = await this.transactions.query<Page>(DEPLOYMENTS.find, [
        after,
        workloads,
        gracePeriod,
        this.settings.keepDeployments,
      ]);
      const { items, next } = page[0]!;
      yield items;
      after = next;
    }
  }

  protected async remove({ key }: Garbage): Promise<boolean> {
    const values = [key, this.settings.keepDeployments];
    return (await this.transactions.affected(DEPLOYMENTS.delete, values)) === 1;
  }
}
