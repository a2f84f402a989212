import { Injectable } from '@nestjs/common';
import { HEALTH_CHECKS } from './garbage.statements.js';
import { RowPass } from './row-pass.js';

/**
 * Health checks of instances that are gone, as far as the health module has not removed them itself (`ForgottenChecks`): those
 * of instances that are lost, and all of them where no replica has that module. One whose instance a store still holds stays,
 * since its row may be made again.
 */
@Injectable()
export class HealthChecksPass extends RowPass {
  readonly name = 'health_checks';
  readonly description = 'Health checks of instances that are gone and that no store holds.';
  protected readonly statements = HEALTH_CHECKS;
}
