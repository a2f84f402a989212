import { type BucketUse } from './issuance-limits.js';

/** Whether an order may be placed now; when it may be, if not, and which bucket is empty until then. */
export type Admission =
  | { readonly admitted: true }
  | { readonly admitted: false; readonly availableIn: number; readonly bucket: string };

/**
 * The token buckets of CAs, shared by all replicas: so that no limit is met at the CA itself, where a refused order
 * may count as well. All of an order's tokens are taken, or none.
 */
export abstract class IssuanceLimiter {
  /** @returns `availableIn` in milliseconds, when a token is missing: then nothing was taken. */
  abstract admit(uses: readonly BucketUse[]): Promise<Admission>;

  /** Takes tokens of what has happened already, also where there are none. */
  abstract spend(uses: readonly BucketUse[]): Promise<void>;
}

/** Milliseconds after which one token more is there. */
export function refill({ limit: { count, per } }: BucketUse): number {
  return per / count;
}

/**
 * The rule: a bucket is known by the instant at which it is full again. Each token that is taken moves that by one
 * refill, and there is a token as long as it stays within the time that an empty bucket takes.
 * @param fullAt by key; milliseconds, as `now`
 */
export function admission(
  uses: readonly BucketUse[],
  fullAt: ReadonlyMap<string, number>,
  now: number,
): Admission {
  let refused: Extract<Admission, { admitted: false }> | undefined;
  for (const use of uses) {
    const next = Math.max(now, fullAt.get(use.key) ?? now) + refill(use);
    // Sums of fractions are a little off.
    const availableIn = Math.ceil(next - use.limit.per - now - 1e-3);
    if (availableIn > 0 && availableIn > (refused?.availableIn ?? 0))
      refused = { admitted: false, availableIn, bucket: use.key };
  }
  return refused ?? { admitted: true };
}
