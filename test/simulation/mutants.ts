import {
  type Claim,
  type ClaimAnswer,
  type Heartbeat,
  type HeartbeatAnswer,
  type HeldLease,
  type Known,
  type Pulse,
  type Release,
  type ReleaseAnswer,
  type RequestAnswer,
  type RunRequestInput,
} from '../../src/core/coordination/coordinator.js';
import { LocalCoordinator } from '../../src/core/coordination/local.coordinator.js';
import { type Model } from './store.js';

/** Whoever once had the token may go on as if he had it still. */
class Unfenced extends LocalCoordinator {
  override heartbeat(heartbeat: Heartbeat): Promise<HeartbeatAnswer> {
    return super.heartbeat(this.asNewest(heartbeat));
  }
  override release(release: Release): Promise<ReleaseAnswer> {
    return super.release(this.asNewest(release));
  }
  override assertCurrent(held: HeldLease): Promise<void> {
    return super.assertCurrent(this.asNewest(held));
  }

  private asNewest<T extends HeldLease>(held: T): T {
    const row = this['rows'].get(held.worker)!;
    return { ...held, runId: row.runId, fencing: row.fencing };
  }
}

/** A lease keeps nobody out. */
class Crowded extends LocalCoordinator {
  override async claim(claim: Claim): Promise<ClaimAnswer> {
    const row = this['rows'].get(claim.worker);
    const leaseUntil = row?.leaseUntil;
    if (row && row.runId !== claim.runId) row.leaseUntil = undefined;
    const answer = super.claim(claim);
    if (row && row.runId !== claim.runId) row.leaseUntil = leaseUntil;
    return answer;
  }
}

/** A run is never taken over whose replica fell silent. */
class Faithful extends LocalCoordinator {
  override claim(claim: Claim): Promise<ClaimAnswer> {
    const row = this['rows'].get(claim.worker);
    if (row?.holder !== undefined && row.leaseUntil !== undefined && row.runId !== claim.runId)
      row.leaseUntil = Infinity;
    return super.claim(claim);
  }
}

/** What no replica looked at never was. */
class Forgetful extends LocalCoordinator {
  override claim(claim: Claim): Promise<ClaimAnswer> {
    return super.claim({ ...claim, missed: 0 });
  }
}

/** A retry waits for nothing. */
class Hasty extends LocalCoordinator {
  override claim(claim: Claim): Promise<ClaimAnswer> {
    const request = 'request' in claim.target ? this['requests'].get(claim.target.request) : undefined;
    if (request?.notBefore !== undefined) request.notBefore = -Infinity;
    return super.claim(claim);
  }
  override async pulse(known: Known): Promise<Pulse> {
    const { requests, ...news } = await super.pulse(known);
    return { ...news, requests: requests.map(({ notBefore: _, ...request }) => request) };
  }
}

/** What is asked for by one takes the place of what another one waits to try again. */
class Jealous extends LocalCoordinator {
  override request(asked: RunRequestInput): Promise<RequestAnswer> {
    this['requests'].dropDeferred(asked.worker, 0);
    return super.request(asked);
  }
}

/** Rules that are broken in one place each. The simulation has to find every one of them out. */
export const mutants: Record<string, Model> = {
  'does not look at the token': (clock) => new Unfenced(clock),
  'grants while a lease is live': (clock) => new Crowded(clock),
  'is a second fast in what is due': (clock) => new LocalCoordinator({ now: () => clock.now() + 1_000 }),
  'reckons by the clock of the replica that asks': (clock, caller) =>
    new LocalCoordinator({ now: () => caller()?.wall() ?? clock.now() }),
  'never takes over': (clock) => new Faithful(clock),
  'counts no missed slots': (clock) => new Forgetful(clock),
  'tries a run again before its time': (clock) => new Hasty(clock),
  'gives up a retry for a run that has not begun': (clock) => new Jealous(clock),
};
