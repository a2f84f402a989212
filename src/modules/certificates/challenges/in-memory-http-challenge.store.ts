import { HttpChallengeStore } from './http-challenge.store.js';

/** For tests and benches: of one process, and without an end. */
export class InMemoryHttpChallengeStore extends HttpChallengeStore {
  private readonly answers = new Map<string, string>();

  async put(token: string, keyAuthorization: string): Promise<void> {
    this.answers.set(token, keyAuthorization);
  }

  async find(token: string): Promise<string | undefined> {
    return this.answers.get(token);
  }

  async remove(token: string): Promise<void> {
    this.answers.delete(token);
  }
}
