/** Fewer targets than that say nothing about this replica. */
const FEWEST_TARGETS = 5;
/** What was seen longer ago is not part of what goes on now. */
const WINDOW = 30_000;
/** Part of the targets, above which it looks as if this replica were to blame. */
const MOST = 0.5;

interface Seen {
  tenant: string;
  at: number;
  failed: boolean;
  /** Whether it failed before as well. */
  wasDead: boolean;
}

/**
 * Tells when most of a replica's targets fail within seconds: then its own network is as likely to be the reason as the
 * targets are, and each failure by itself says nothing. Most targets of most tenants have to fail: the dead targets of one
 * tenant, however many, say nothing about this replica, and must not hide the failures of others.
 */
export class MassFailure {
  /** The last result of each target of each tenant. */
  private readonly seen = new Map<string, Seen>();
  private readonly tally = new Tally();

  /** @param failed whether it gave no answer at all: one that answers badly was reached. @param at monotonic */
  saw(tenant: string, target: string, failed: boolean, at: number): void {
    const key = `${tenant} ${target}`;
    const before = this.seen.get(key);
    if (before) this.forget(key, before);
    const now = { tenant, at, failed, wasDead: before?.failed === true };
    this.seen.set(key, now);
    this.tally.count(now, 1);
    for (const [oldest, one] of this.seen) {
      if (one.at > at - WINDOW) break;
      this.forget(oldest, one);
    }
  }

  /**
   * Whether most targets fail.
   * @param since also if most of those seen since then do, but for those that failed before as well: when it begins, the
   *   others have not been asked again
   */
  isOn(since: number): boolean {
    if (this.tally.mostFail()) return true;
    const recent = new Tally();
    for (const one of [...this.seen.values()].reverse()) {
      if (one.at < since) break;
      if (!one.wasDead) recent.count(one, 1);
    }
    return recent.mostFail();
  }

  private forget(key: string, one: Seen): void {
    this.seen.delete(key);
    this.tally.count(one, -1);
  }
}

/** Numbers of targets, and of those that fail: in all, and of each tenant. */
class Tally {
  private all = 0;
  private failing = 0;
  private readonly tenants = new Map<string, { all: number; failing: number }>();
  private failingTenants = 0;

  /** @param change 1 for one more, -1 for one less */
  count({ tenant, failed }: Seen, change: 1 | -1): void {
    const own = this.tenants.get(tenant) ?? { all: 0, failing: 0 };
    this.failingTenants -= Number(isMost(own));
    own.all += change;
    this.all += change;
    if (failed) {
      own.failing += change;
      this.failing += change;
    }
    this.failingTenants += Number(isMost(own));
    if (own.all === 0) this.tenants.delete(tenant);
    else this.tenants.set(tenant, own);
  }

  mostFail(): boolean {
    const { all, failing } = this;
    if (all < FEWEST_TARGETS) return false;
    return isMost({ all, failing }) && isMost({ all: this.tenants.size, failing: this.failingTenants });
  }
}

function isMost({ all, failing }: { all: number; failing: number }): boolean {
  return failing > all * MOST;
}
