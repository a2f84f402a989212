import { Inject, Injectable, Optional } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { type ServerStatus } from '../embedded-postgres/index.js';

export const DATABASE_STATUS = Symbol('DATABASE_STATUS');

/** The database that the app runs itself: down while it is away, with the reason from its log. */
@Injectable()
export class EmbeddedDatabaseIndicator {
  constructor(
    private readonly indicators: HealthIndicatorService,
    @Optional() @Inject(DATABASE_STATUS) private readonly status?: () => ServerStatus,
  ) {}

  isHealthy<const Key extends string>(key: Key): HealthIndicatorResult<Key> {
    const session = this.indicators.check(key);
    const status = this.status?.();
    if (!status) return session.up({ used: false });
    if (status.state === 'running') return session.up();
    return session.down({ since: status.since.toISOString(), reason: status.reason });
  }
}
