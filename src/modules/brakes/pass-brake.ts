import { type TenantId } from '../ids/typed-id.js';
import { type BrakeState } from './brake.js';

/** `lost`: what it belonged to is gone without a record. `share`: so much of what there is. */
export type PassBrakeCause = 'lost' | 'share';

/** What a pass found in one tenant, and why it may not go yet. */
export interface SuspectSet {
  readonly pass: string;
  /** Identity of the store that it found it in, for a pass that looks at stores one by one. */
  readonly store?: string | undefined;
  /** Absent: nobody's. */
  readonly tenantId: TenantId | undefined;
  readonly cause: PassBrakeCause;
  readonly keys: readonly string[];
}

/** What a pass of the garbage collector holds back, of one tenant or of nobody: anything but instances. */
export interface PassBrake {
  /** Of this pass, store and tenant; it stays the same while the set changes. */
  id: string;
  pass: string;
  store?: string;
  tenantId?: TenantId;
  state: BrakeState;
  cause: PassBrakeCause;
  /** Identifies the set as it is now. A decision names the set that was shown. */
  set: string;
  /** How many things are in the set. */
  items: number;
  /** The first of them. */
  examples: string[];
  engagedAt: Date;
  /** Since when the set has been this very one, or has been decided on. */
  seenSince: Date;
  /** The last run that found something of it. */
  lastSeenAt: Date;
  /** Subject of the claims of the last decision; absent before the first. */
  decidedBy?: string;
}
