/**
 * Answers to HTTP-01 challenges. They are kept where every replica finds them, as the CA may ask any.
 */
export abstract class HttpChallengeStore {
  /** @param ttl milliseconds after which it may be forgotten */
  abstract put(token: string, keyAuthorization: string, ttl: number): Promise<void>;

  /** What the CA expects at `/.well-known/acme-challenge/<token>`. */
  abstract find(token: string): Promise<string | undefined>;

  abstract remove(token: string): Promise<void>;
}
