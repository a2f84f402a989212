/** What a tick came to. */
export interface Tally {
  tenants: number;
  visited: number;
  orphans: number;
  /** Orphans that are being deleted at this moment; what fails is no longer counted by the limit. */
  deleting: number;
  deleted: number;
  failedTenants: number;
  /** Orphans that could not be deleted, and tenants that could not be looked at. */
  failed: number;
  /** Orphans that a brake holds back. */
  held: number;
  /** Tenants with orphans that a brake holds back. */
  braked: number;
}

export function newTally(): Tally {
  return {
    tenants: 0,
    visited: 0,
    orphans: 0,
    deleting: 0,
    deleted: 0,
    failedTenants: 0,
    failed: 0,
    held: 0,
    braked: 0,
  };
}

/** The tally as the record of the run shows it. */
export function summary(
  { visited, orphans, deleted, failedTenants, braked }: Tally,
  dryRun: boolean,
): string {
  const swept = dryRun
    ? `${orphans} orphans left alone (dry run)`
    : `${deleted} of ${orphans} orphans deleted`;
  const more = [
    braked && `the brake holds in ${braked} tenants`,
    failedTenants && `${failedTenants} tenants failed`,
  ].filter(Boolean);
  return [`${visited} instances examined`, swept, ...more].join(', ');
}
