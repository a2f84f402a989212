export {
  type DueClaim,
  type ClaimOptions,
  type DueClaims,
  DueQueue,
  type DueQueueOptions,
  type LaneLimit,
  type Settlement,
} from './due-queue.js';
export { everyItem, type Page, type PageQuery } from './page.js';
export {
  type BackoffOptions,
  type BackoffSettings,
  backoffSettings,
  waitAfterFailures,
  waitAfterFailuresSql,
} from './row-backoff.js';
export { TransactionRolledBackError } from './transaction.errors.js';
export { Transactions } from './transaction.js';
