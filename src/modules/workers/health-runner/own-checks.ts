import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { systemClaims, withClaims } from '../../auth/claims.js';
import { everyItem } from '../../database/page.js';
import { HealthCheckNameTakenError } from '../../health-checks/health-check.errors.js';
import { HEALTH_CHECK_DEFAULTS } from '../../health-checks/health-check-input.js';
import { HealthCheckRepository } from '../../health-checks/health-check.repository.js';
import { HealthService } from '../../health-checks/health.service.js';
import { withDefaults } from '../../input/with-defaults.js';
import { OWN_TENANT } from '../../tenants/own-tenant.js';
import { HEALTH_RUNNER_OPTIONS, type HealthRunnerOptions } from './health-runner.options.js';

/**
 * Makes the checks of the options, and changes those of the same name to what they say: what they leave out is as the
 * default has it. Whether one is turned off stays, unless they say so. Removes none.
 */
@Injectable()
export class OwnChecks implements OnModuleInit {
  constructor(
    @Inject(HEALTH_RUNNER_OPTIONS) private readonly options: HealthRunnerOptions,
    private readonly health: HealthService,
    private readonly checks: HealthCheckRepository,
  ) {}

  /** @throws as `HealthService.configure`: the application does not start with a check that cannot be */
  async onModuleInit(): Promise<void> {
    await withClaims(systemClaims('health_runner'), async () => {
      for (const check of this.options.checks ?? []) {
        try {
          await this.health.configure(OWN_TENANT, check);
        } catch (error) {
          if (!(error instanceof HealthCheckNameTakenError)) throw error;
          for await (const { id, name } of everyItem((after) => this.checks.list(OWN_TENANT, { after })))
            if (name === check.name)
              await this.health.update(OWN_TENANT, id, withDefaults(HEALTH_CHECK_DEFAULTS, check));
        }
      }
    });
  }
}
