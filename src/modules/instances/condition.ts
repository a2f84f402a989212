/** Something that holds of a thing or does not, in the manner of Kubernetes. */
export interface Condition {
  /** Such as `Available`. */
  type: string;
  /** Whether it holds. */
  status: boolean;
  /** One word for machines, such as `crash_looping`. */
  reason: string;
  /** A sentence for people; empty when there is nothing to say. */
  message: string;
  /** Since when `status` has this value. ISO 8601. */
  since: string;
}

/** The conditions with a newer finding: `since` stays while the status does. The same array when nothing changed. */
export function withConditions(
  before: readonly Condition[],
  found: readonly Omit<Condition, 'since'>[],
  now: Date = new Date(),
): readonly Condition[] {
  const next = found.map(({ type, status, reason, message }) => {
    const old = before.find((condition) => condition.type === type);
    const since = old?.status === status ? old.since : now.toISOString();
    return { type, status, reason, message, since };
  });
  const isSame =
    next.length === before.length &&
    next.every((condition, index) => {
      const old = before[index]!;
      return (['type', 'status', 'reason', 'message', 'since'] as const).every(
        (key) => old[key] === condition[key],
      );
    });
  return isSame ? before : next;
}
