/** Whose probe it is, and what it goes to. */
export interface Probed {
  readonly tenant: string;
  readonly target: string;
}

export interface ProbeLimits {
  /** In all. */
  readonly total: number;
  /** Of one target, whichever tenants probe it. */
  readonly perTarget: number;
  /** Of one tenant. Less than `total`, so that the slow targets of one leave room for others. */
  readonly perTenant: number;
}

interface Waiting {
  readonly probed: Probed;
  readonly start: () => void;
  /** Of all that have waited: first come, first served. */
  readonly place: number;
}

/**
 * Bounds how many probes are active at a time: in all, of one target, and of one tenant. What does not fit waits. A slot that
 * becomes free goes to the tenant with the fewest active probes, and within a tenant first come, first served; one whose
 * target is busy keeps no other from its turn.
 */
export class ProbeSlots {
  private active = 0;
  private readonly activeOfTarget = new Map<string, number>();
  private readonly activeOfTenant = new Map<string, number>();
  private readonly waiting = new Map<string, Waiting[]>();
  private places = 0;

  constructor(private readonly limits: ProbeLimits) {}

  /** Starts it now, or when there is room. `start` must lead to `release`. */
  acquire(probed: Probed, start: () => void): void {
    const own = this.waiting.get(probed.tenant);
    if (this.hasRoom(probed)) this.begin(probed, start);
    else if (own) own.push({ probed, start, place: this.places++ });
    else this.waiting.set(probed.tenant, [{ probed, start, place: this.places++ }]);
  }

  release({ tenant, target }: Probed): void {
    this.active--;
    decrease(this.activeOfTarget, target);
    decrease(this.activeOfTenant, tenant);
    while (this.active < this.limits.total) {
      const next = this.takeNext();
      if (!next) return;
      this.begin(next.probed, next.start);
    }
  }

  /** Forgets what waits. */
  clear(): void {
    this.waiting.clear();
  }

  get size(): number {
    return this.active;
  }

  private takeNext(): Waiting | undefined {
    let best: { tenant: string; index: number; active: number; place: number } | undefined;
    for (const [tenant, waiting] of this.waiting) {
      const active = this.activeOfTenant.get(tenant) ?? 0;
      if (active >= this.limits.perTenant || (best && active > best.active)) continue;
      const index = waiting.findIndex(({ probed }) => this.hasRoom(probed));
      if (index < 0) continue;
      const { place } = waiting[index]!;
      if (!best || active < best.active || place < best.place) best = { tenant, index, active, place };
    }
    if (!best) return undefined;
    const waiting = this.waiting.get(best.tenant)!;
    const [next] = waiting.splice(best.index, 1);
    if (waiting.length === 0) this.waiting.delete(best.tenant);
    return next;
  }

  private hasRoom({ tenant, target }: Probed): boolean {
    const { total, perTarget, perTenant } = this.limits;
    return (
      this.active < total &&
      (this.activeOfTarget.get(target) ?? 0) < perTarget &&
      (this.activeOfTenant.get(tenant) ?? 0) < perTenant
    );
  }

  private begin({ tenant, target }: Probed, start: () => void): void {
    this.active++;
    this.activeOfTarget.set(target, (this.activeOfTarget.get(target) ?? 0) + 1);
    this.activeOfTenant.set(tenant, (this.activeOfTenant.get(tenant) ?? 0) + 1);
    start();
  }
}

function decrease(counts: Map<string, number>, key: string): void {
  const left = counts.get(key)! - 1;
  if (left === 0) counts.delete(key);
  else counts.set(key, left);
}
