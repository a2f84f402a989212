export { EgressPolicy, type EgressOptions } from './egress-policy.js';
export * from './network-policy.errors.js';
