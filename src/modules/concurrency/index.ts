export {
  forEachIsolated,
  type IsolatedSummary,
  type IsolationOptions,
  type ItemFailure,
  ItemTimeoutError,
} from './for-each-isolated.js';
export { ItemBackoff, type ItemBackoffOptions } from './item-backoff.js';
