export { DnsLookup, type DnsLookupOptions } from './dns-lookup.js';
export * from './dns.errors.js';
