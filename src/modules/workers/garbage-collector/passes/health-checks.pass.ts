import { Injectable } from '@nestjs/common';
import { HEALTH_CHECKS } from './garbage.statements.js';
import { RowPass } from './row-pass.js';

/**
 * Health checks of instances that are gone. The health module removes those of deleted instances itself (`ForgottenChecks`); left
 * are those of lost instances, and all of them where no replica has that module. A check stays while a store holds its instance,
 * whose row may be made again.
 */
@Injectable()
export class HealthChecksPass extends RowPass {
  readonly name = 'health_checks';
  readonly description = 'Health checks of instances that are gone and that no store holds.';
  protected readonly statements = HEALTH_CHECKS;
}
