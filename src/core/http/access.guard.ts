import {
  type CanActivate,
  type ExecutionContext,
  Inject,
  Injectable,
  Optional,
  type Type,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { firstValueFrom, isObservable } from 'rxjs';
import { AccessCheck, type AccessRequest } from './access-check.js';
import { HTTP_ACCESS, type HttpAccess } from './access.js';

/**
 * Allows a request by its token or session, or if it reads and `openReads` is set; then the application's own guards have
 * to allow it too.
 */
@Injectable()
export class AccessGuard implements CanActivate {
  @Optional()
  @Inject(ModuleRef)
  private readonly modules?: ModuleRef;
  private readonly check: AccessCheck;
  private guards?: Promise<CanActivate[]>;

  /** @throws Error for invalid options */
  constructor(@Optional() @Inject(HTTP_ACCESS) private readonly access: HttpAccess = {}) {
    this.check = new AccessCheck(access);
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    this.check.pass(context.switchToHttp().getRequest<AccessRequest>());
    this.guards ??= Promise.all((this.access.guards ?? []).map((guard) => this.instanceOf(guard)));
    for (const guard of await this.guards) {
      const answer = guard.canActivate(context);
      if (!(await (isObservable(answer) ? firstValueFrom(answer) : answer))) return false;
    }
    return true;
  }

  /** The provider of any module, or a new instance. */
  private async instanceOf(guard: CanActivate | Type<CanActivate>): Promise<CanActivate> {
    if (typeof guard !== 'function') return guard;
    try {
      return this.modules!.get(guard, { strict: false });
    } catch {
      return this.modules!.create(guard);
    }
  }
}
