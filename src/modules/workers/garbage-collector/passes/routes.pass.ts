import { Injectable } from '@nestjs/common';
import { ROUTES } from './garbage.statements.js';
import { RowPass } from './row-pass.js';
import { type Garbage } from './sweep-pass.js';

/** Routes that lead nowhere, or begin nowhere. */
@Injectable()
export class RoutesPass extends RowPass {
  readonly name = 'routes';
  readonly description = 'Routes whose workload or domain is gone.';
  protected readonly statements = ROUTES;

  protected async remove({ key }: Garbage): Promise<boolean> {
    return (await this.transactions.affected(ROUTES.delete, [key])) === 1;
  }
}
