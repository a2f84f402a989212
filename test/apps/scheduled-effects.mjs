// A replica whose runs have one effect each: a row of `audit.effects`, written in a transaction that only the holder of the claim can
// commit.
import { Transactions } from 'ctrlplane-workers/control-plane';
import { startReplica } from './scheduled-replica.mjs';

class Jobs {
  constructor(transactions) {
    this.transactions = transactions;
  }
  async run(context) {
    const { key, slot, attempt, fencingToken } = context;
    await this.transactions.run(async () => {
      await context.assertCurrent(this.transactions.manager());
      await this.transactions.query(
        'INSERT INTO audit.effects (key, slot, attempt, token) VALUES ($1, $2, $3, $4)',
        [key, slot, attempt, fencingToken],
      );
    });
  }
}
Reflect.defineMetadata('design:paramtypes', [Transactions], Jobs);

await startReplica(Jobs, { record: 'failures', concurrency: 20 });
