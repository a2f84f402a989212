import { Injectable } from '@nestjs/common';
import { storableText } from '../../database/text.js';
import { Transactions } from '../../database/transaction.js';
import { HttpChallengeStore } from './http-challenge.store.js';

/** In the table `http_challenges`. */
@Injectable()
export class PostgresHttpChallengeStore extends HttpChallengeStore {
  constructor(private readonly transactions: Transactions) {
    super();
  }

  async put(token: string, keyAuthorization: string, ttl: number): Promise<void> {
    // What a crash has left behind goes with the next that is written.
    await this.transactions.query('DELETE FROM http_challenges WHERE expires_at < clock_timestamp()', []);
    await this.transactions.query(
      `INSERT INTO http_challenges (token, key_authorization, expires_at)
       VALUES ($1, $2, clock_timestamp() + $3 * interval '1 millisecond')
       ON CONFLICT (token) DO UPDATE
       SET key_authorization = excluded.key_authorization, expires_at = excluded.expires_at`,
      [token, keyAuthorization, ttl],
    );
  }

  async find(token: string): Promise<string | undefined> {
    const [row] = await this.transactions.query<{ key_authorization: string }>(
      'SELECT key_authorization FROM http_challenges WHERE token = $1 AND expires_at >= clock_timestamp()',
      [storableText(token)],
    );
    return row?.key_authorization;
  }

  async remove(token: string): Promise<void> {
    await this.transactions.query('DELETE FROM http_challenges WHERE token = $1', [token]);
  }
}
