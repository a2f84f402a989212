import { type DynamicModule, Module } from '@nestjs/common';
import { CertificateStoreModule } from '../certificates/certificate-store.module.js';
import { DnsLookup } from '../dns/dns-lookup.js';
import { EventsModule } from '../events/events.module.js';
import { TenantStoreModule } from '../tenants/tenant-store.module.js';
import { DnsDomainPreflight, DomainPreflight } from './domain-preflight.js';
import { DomainStore } from './domain.store.js';
import {
  ConfigurableModuleClass,
  NETWORK_OPTIONS,
  NETWORK_SETTINGS,
  type NetworkOptions,
  type NetworkSettings,
  networkSettings,
  type OPTIONS_TYPE,
} from './network.options.js';
import { NetworkService } from './network.service.js';
import { RouteStore } from './route.store.js';
import { TenantDomains } from './tenant-domains.js';
import { TypeOrmDomainStore } from './typeorm-domain.store.js';
import { TypeOrmRouteStore } from './typeorm-route.store.js';

/** Domains, routes and certificates of tenants: provides the `NetworkService`, everywhere. Needs the `DatabaseModule`. */
@Module({
  imports: [TenantStoreModule, CertificateStoreModule, EventsModule],
  providers: [
    NetworkService,
    TenantDomains,
    { provide: DomainStore, useClass: TypeOrmDomainStore },
    { provide: RouteStore, useClass: TypeOrmRouteStore },
    {
      provide: NETWORK_SETTINGS,
      inject: [NETWORK_OPTIONS],
      useFactory: (options: NetworkOptions) => networkSettings(options),
    },
    {
      provide: DnsLookup,
      inject: [NETWORK_SETTINGS],
      useFactory: ({ dnsServers }: NetworkSettings) => new DnsLookup({ servers: dnsServers }),
    },
    {
      provide: DomainPreflight,
      inject: [DnsLookup, NETWORK_SETTINGS],
      useFactory: (dns: DnsLookup, settings: NetworkSettings) => new DnsDomainPreflight(dns, settings),
    },
  ],
  exports: [NetworkService, DomainStore, RouteStore, DnsLookup, DomainPreflight],
})
export class NetworkModule extends ConfigurableModuleClass {
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    return super.forRoot(options);
  }
}
