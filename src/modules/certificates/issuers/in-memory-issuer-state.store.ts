import { type Sealed } from '../keys/key-ring.js';
import { type IssuerState, IssuerStateStore } from './issuer-state.store.js';

/** For tests and simulations: forgets all with its process. */
export class InMemoryIssuerStateStore extends IssuerStateStore {
  private readonly states = new Map<string, IssuerState & { issuer: string; part: string }>();

  find(issuer: string, part: string): Promise<IssuerState | undefined> {
    return Promise.resolve(this.states.get(`${issuer}/${part}`));
  }

  async keepFirst(issuer: string, part: string, state: IssuerState): Promise<IssuerState> {
    const key = `${issuer}/${part}`;
    if (!this.states.has(key)) this.states.set(key, { ...state, issuer, part });
    return this.states.get(key)!;
  }

  async replace(issuer: string, part: string, was: Sealed, state: IssuerState): Promise<boolean> {
    const key = `${issuer}/${part}`;
    if (this.states.get(key)?.sealed !== was) return false;
    this.states.set(key, { ...state, issuer, part });
    return true;
  }

  async list() {
    return [...this.states.values()];
  }
}
