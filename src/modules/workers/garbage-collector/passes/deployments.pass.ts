import { Inject, Injectable } from '@nestjs/common';
import { Transactions } from '../../../database/transaction.js';
import { GARBAGE_COLLECTOR_SETTINGS, type GarbageCollectorSettings } from '../garbage-collector.options.js';
import { type PassLimits } from './garbage-pass.js';
import { DEPLOYMENTS } from './garbage.statements.js';
import { type Garbage, SweepPass } from './sweep-pass.js';

/** Workloads that a query looks at; of each it may give a thousand deployments. */
const WORKLOADS_PER_PAGE = 200;

/**
 * Deployments, which are what releases a workload has had. Of each workload the last n stay, and every one that is current,
 * under way, or the target of a rollback.
 */
@Injectable()
export class DeploymentsPass extends SweepPass {
  readonly name = 'deployments';
  readonly description =
    'Deployments beyond the last n of each workload, and those of workloads that are gone.';

  constructor(
    private readonly transactions: Transactions,
    @Inject(GARBAGE_COLLECTOR_SETTINGS) private readonly settings: GarbageCollectorSettings,
  ) {
    super();
  }

  protected async *pages({ pageSize, gracePeriod }: PassLimits): AsyncIterable<readonly Garbage[]> {
    const workloads = Math.min(pageSize, WORKLOADS_PER_PAGE);
    for (let after = ''; ;) {
      type Page = { last: string | null; workloads: number; items: Garbage[] };
      const [page] = await this.transactions.query<Page>(DEPLOYMENTS.find, [
        after,
        workloads,
        gracePeriod,
        this.settings.keepDeployments,
      ]);
      yield page!.items;
      if (page!.workloads < workloads || page!.last === null) return;
      after = page!.last;
    }
  }

  protected async remove({ key }: Garbage): Promise<boolean> {
    const values = [key, this.settings.keepDeployments];
    return (await this.transactions.affected(DEPLOYMENTS.delete, values)) === 1;
  }
}
