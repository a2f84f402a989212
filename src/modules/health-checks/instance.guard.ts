import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { InstancePipe } from './instance.pipe.js';

/** Refuses a stream of an unknown instance. Nest begins a stream with 200 before it looks at its parameters. */
@Injectable()
export class InstanceGuard implements CanActivate {
  constructor(private readonly instances: InstancePipe) {}

  /** @throws InvalidIdError, NotFoundException */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { params } = context.switchToHttp().getRequest<{ params: { id: string } }>();
    await this.instances.transform(params.id);
    return true;
  }
}
