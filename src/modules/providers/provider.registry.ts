import { Injectable } from '@nestjs/common';
import { DuplicateProviderError, UnknownProviderError } from './provider.errors.js';
import { type Provider } from './provider.js';

/** A provider and the name under which instances remember it. */
export interface RegisteredProvider {
  readonly name: string;
  readonly provider: Provider;
}

/** The providers of this control plane by name. A provider's module registers it while the application starts. */
@Injectable()
export class ProviderRegistry {
  private readonly providers = new Map<string, Provider>();
  private defaultName?: string;

  /**
   * Adds a provider. The first one is the default until `setDefault` says otherwise.
   * @throws DuplicateProviderError when the name is taken.
   */
  register(name: string, provider: Provider): void {
    if (this.providers.has(name)) throw new DuplicateProviderError(name);
    this.providers.set(name, provider);
    this.defaultName ??= name;
  }

  has(name: string): boolean {
    return this.providers.has(name);
  }

  /** @throws UnknownProviderError naming those that are registered. */
  get(name: string): Provider {
    const provider = this.providers.get(name);
    if (!provider) throw this.unknown(name);
    return provider;
  }

  /**
   * Where an instance goes that asks for no provider.
   * @throws UnknownProviderError when none is registered.
   */
  default(): RegisteredProvider {
    if (this.defaultName === undefined) throw this.unknown();
    return { name: this.defaultName, provider: this.get(this.defaultName) };
  }

  /** @throws UnknownProviderError when no provider has that name yet. */
  setDefault(name: string): void {
    this.get(name);
    this.defaultName = name;
  }

  /** All of them, in the order of registration. */
  list(): RegisteredProvider[] {
    return [...this.providers].map(([name, provider]) => ({ name, provider }));
  }

  private unknown(name?: string): UnknownProviderError {
    return new UnknownProviderError(name, [...this.providers.keys()]);
  }
}
