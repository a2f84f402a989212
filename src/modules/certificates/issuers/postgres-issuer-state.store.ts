import { Injectable } from '@nestjs/common';
import { storableJson } from '../../database/text.js';
import { Transactions } from '../../database/transaction.js';
import { type Sealed } from '../keys/key-ring.js';
import { type IssuerState, IssuerStateStore } from './issuer-state.store.js';

type Row = IssuerState & { issuer: string; part: string };

/** In the table `issuer_states`. */
@Injectable()
export class PostgresIssuerStateStore extends IssuerStateStore {
  constructor(private readonly transactions: Transactions) {
    super();
  }

  async find(issuer: string, part: string): Promise<IssuerState | undefined> {
    const [row] = await this.transactions.query<Row>(
      'SELECT data, sealed FROM issuer_states WHERE issuer = $1 AND part = $2',
      [issuer, part],
    );
    return row;
  }

  async keepFirst(issuer: string, part: string, { data, sealed }: IssuerState): Promise<IssuerState> {
    await this.transactions.query(
      `INSERT INTO issuer_states (issuer, part, data, sealed) VALUES ($1, $2, $3, $4)
       ON CONFLICT (issuer, part) DO NOTHING`,
      [issuer, part, storableJson(data), sealed],
    );
    // A statement of its own: the one above does not see what another replica has kept meanwhile.
    return (await this.find(issuer, part))!;
  }

  async replace(issuer: string, part: string, was: Sealed, { data, sealed }: IssuerState): Promise<boolean> {
    const count = await this.transactions.affected(
      `UPDATE issuer_states SET data = $4, sealed = $5, updated_at = clock_timestamp()
       WHERE issuer = $1 AND part = $2 AND sealed = $3`,
      [issuer, part, was, storableJson(data), sealed],
    );
    return count === 1;
  }

  list(): Promise<Row[]> {
    return this.transactions.query<Row>(
      'SELECT issuer, part, data, sealed FROM issuer_states ORDER BY issuer, part',
    );
  }
}
