/**
 * Bounds how many probes are on at a time: in all, and of one target. What does not fit waits its turn, first come first
 * served; one whose target is busy keeps no other from its turn.
 */
export class ProbeSlots {
  private active = 0;
  private readonly activeOf = new Map<string, number>();
  private waiting: { target: string; start: () => void }[] = [];

  constructor(
    private readonly limit: number,
    private readonly limitPerTarget: number,
  ) {}

  /** Starts it now, or when there is room. `start` must lead to `release`. */
  acquire(target: string, start: () => void): void {
    if (this.hasRoom(target)) this.begin(target, start);
    else this.waiting.push({ target, start });
  }

  release(target: string): void {
    this.active--;
    const left = this.activeOf.get(target)! - 1;
    if (left === 0) this.activeOf.delete(target);
    else this.activeOf.set(target, left);
    for (let i = 0; i < this.waiting.length && this.active < this.limit;) {
      const next = this.waiting[i]!;
      if (this.hasRoom(next.target)) {
        this.waiting.splice(i, 1);
        this.begin(next.target, next.start);
      } else i++;
    }
  }

  /** Forgets what waits. */
  clear(): void {
    this.waiting = [];
  }

  get size(): number {
    return this.active;
  }

  private hasRoom(target: string): boolean {
    return this.active < this.limit && (this.activeOf.get(target) ?? 0) < this.limitPerTarget;
  }

  private begin(target: string, start: () => void): void {
    this.active++;
    this.activeOf.set(target, (this.activeOf.get(target) ?? 0) + 1);
    start();
  }
}
