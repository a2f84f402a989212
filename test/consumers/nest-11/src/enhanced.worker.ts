import {
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  Catch,
  type ExceptionFilter,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { Interval, type RunContext } from 'ctrlplane-workers';
import { type Observable, tap } from 'rxjs';
import { Journal } from './journal.js';

@Injectable()
export class OnlyAllowed implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.getArgByIndex<RunContext>(0).payload !== 'forbidden';
  }
}

@Injectable()
export class Audit implements NestInterceptor {
  constructor(private readonly journal: Journal) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    this.journal.entries.push(`before a ${context.getType()}`);
    return next.handle().pipe(tap(() => this.journal.entries.push(`after a ${context.getType()}`)));
  }
}

@Catch(RangeError)
export class Translate implements ExceptionFilter {
  catch(error: RangeError): never {
    throw new Error(`translated: ${error.message}`);
  }
}

@Injectable()
@UseInterceptors(Audit)
export class EnhancedWorker {
  @Interval('enhanced', 0)
  @UseGuards(OnlyAllowed)
  @UseFilters(Translate)
  run({ payload }: RunContext): void {
    if (payload === 'out of range') throw new RangeError('out of range');
  }
}

@Injectable()
export class RefuseAll implements CanActivate {
  canActivate(): boolean {
    return false;
  }
}

@Catch()
export class SwallowAll implements ExceptionFilter {
  catch(_error: unknown, host: ArgumentsHost): void {
    host.switchToHttp().getResponse<{ sendStatus(status: number): void }>().sendStatus(418);
  }
}
