import { Injectable } from '@nestjs/common';
import { ProviderRegistry } from './provider.registry.js';
import { type Provider } from './provider.js';

/** Where something is kept, as its row says. */
export interface Placement {
  /** Name of the provider. */
  readonly provider: string;
  /** Absent: from before stores had identities. */
  readonly providerStore?: string;
}

/**
 * Which stores this replica reaches. Of what is in any other store it knows nothing, whatever its own provider of
 * the same name says; it leaves that to a replica that reaches it.
 */
@Injectable()
export class ProviderStores {
  private readonly ids = new WeakMap<Provider, string>();

  constructor(private readonly registry: ProviderRegistry) {}

  /**
   * Identity of the store of that provider here. Once known it is not asked for again.
   * @throws UnknownProviderError, ProviderUnavailableError
   */
  async idOf(name: string, signal?: AbortSignal): Promise<string> {
    const provider = this.registry.get(name);
    const known = this.ids.get(provider);
    if (known !== undefined) return known;
    const id = await provider.storeId(signal);
    this.ids.set(provider, id);
    return id;
  }

  /**
   * The provider through which this replica reaches what is kept there; undefined when another one has to.
   * @throws UnknownProviderError when no store is known and no provider here has that name; ProviderUnavailableError
   */
  async reach({ provider, providerStore }: Placement, signal?: AbortSignal): Promise<Provider | undefined> {
    if (providerStore === undefined) return this.registry.get(provider);
    if (!this.registry.has(provider)) return undefined;
    return (await this.idOf(provider, signal)) === providerStore ? this.registry.get(provider) : undefined;
  }
}
