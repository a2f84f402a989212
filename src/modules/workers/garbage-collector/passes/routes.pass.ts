import { Injectable } from '@nestjs/common';
import { ROUTES } from './garbage.statements.js';
import { RowPass } from './row-pass.js';

/** Routes that lead nowhere, or begin nowhere. */
@Injectable()
export class RoutesPass extends RowPass {
  readonly name = 'routes';
  readonly description = 'Routes whose workload or domain is gone.';
  protected readonly statements = ROUTES;
}
