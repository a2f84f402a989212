import {
  type ArgumentMetadata,
  type ArgumentsHost,
  Body,
  type CallHandler,
  type CanActivate,
  Catch,
  Controller,
  createParamDecorator,
  type ExceptionFilter,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
  ParseIntPipe,
  type PipeTransform,
  Scope,
  SetMetadata,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE, Reflector, REQUEST } from '@nestjs/core';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { catchError, map, type Observable, of, throwError } from 'rxjs';
import { closeApps, startApp } from '../../../test/support/worker-app.js';
import { Interval } from '../worker/interval.decorator.js';
import { RunContext } from '../worker/run-context.js';

/** What happened, in order. */
let seen: unknown[];

beforeEach(() => {
  seen = [];
});
afterEach(closeApps);

@Injectable()
class Service {
  readonly name = 'service';
}

/** Needs its own dependency, as one that Nest has not made has none. */
@Injectable()
class Pass implements CanActivate {
  constructor(private readonly service: Service) {}
  canActivate() {
    seen.push(`guard with ${this.service.name}`);
    return true;
  }
}

@Injectable()
class Refuse implements CanActivate {
  canActivate() {
    seen.push('refused');
    return false;
  }
}

@Injectable()
class Around implements NestInterceptor {
  constructor(private readonly service: Service) {}
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    seen.push(`before with ${this.service.name}`);
    return next.handle().pipe(
      map((value) => {
        seen.push('after');
        return value;
      }),
    );
  }
}

/** As an application has them for its routes: the error is answered, and that is that. */
@Catch()
class Swallow implements ExceptionFilter {
  catch(error: Error) {
    seen.push(`swallowed ${error.message}`);
    return { statusCode: 500 };
  }
}

const Payload = createParamDecorator((_data: unknown, context: ExecutionContext) => {
  return context.getArgByIndex<RunContext>(0).payload;
});

describe('Enhancers', () => {
  it("applies those of a worker's method and class, the class first", async () => {
    @Injectable()
    @UseGuards(Pass)
    @UseInterceptors(Around)
    class Worker {
      @Interval('worker', 0)
      @UseGuards({ canActivate: () => Boolean(seen.push('guard of the method')) })
      work(context: RunContext) {
        seen.push(context === RunContext.current(), this instanceof Worker);
      }
    }
    const { run } = await startApp({ providers: [Worker, Service] });
    expect(await run('worker')).toMatchObject({ outcome: 'succeeded' });
    expect(seen).toEqual([
      'guard with service',
      'guard of the method',
      'before with service',
      true,
      true,
      'after',
    ]);
  });

  it('tells them what they are around: context type, run, class and method', async () => {
    @Injectable()
    class Tell implements CanActivate {
      constructor(private readonly reflector: Reflector) {}
      canActivate(context: ExecutionContext) {
        seen.push(
          context.getType<string>(),
          context.getArgByIndex(0) === RunContext.current(),
          context.switchToRpc().getData() === RunContext.current(),
          context.getClass().name,
          context.getHandler() === Worker.prototype.work,
          this.reflector.getAllAndOverride('label', [context.getHandler(), context.getClass()]),
        );
        return true;
      }
    }
    @Injectable()
    class Worker {
      @Interval('worker', 0)
      @UseGuards(Tell)
      @SetMetadata('label', 'nightly')
      work() {}
    }
    const { run } = await startApp({ providers: [Worker] });
    await run('worker');
    expect(seen).toEqual(['worker', true, true, 'Worker', true, 'nightly']);
  });

  it('fails a run that a guard refuses, with its error', async () => {
    @Injectable()
    class Worker {
      @Interval('worker', 0)
      @UseGuards(Refuse)
      work() {
        seen.push('ran');
      }
    }
    const { run } = await startApp({ providers: [Worker] });
    expect(await run('worker')).toMatchObject({
      outcome: 'failed',
      error: { name: 'ForbiddenException', message: 'Forbidden resource' },
    });
    expect(seen).toEqual(['refused']);
  });

  it('lets an interceptor deal with an error, as with one of a route', async () => {
    @Injectable()
    class Worker {
      @Interval('worker', 0)
      @UseInterceptors({
        intercept: (_context, next) => next.handle().pipe(catchError(() => of('so be it'))),
      })
      work() {
        throw new Error('expected');
      }
    }
    const { run } = await startApp({ providers: [Worker] });
    expect(await run('worker')).toMatchObject({ outcome: 'succeeded' });
  });

  describe('exception filters', () => {
    /** The record of a run that failed with 'broken', past a filter that does so. */
    async function filtered(answer: (error: Error, host: ArgumentsHost) => unknown) {
      @Catch()
      class Filter implements ExceptionFilter {
        catch(error: Error, host: ArgumentsHost) {
          return answer(error, host);
        }
      }
      @Injectable()
      @UseFilters(Filter)
      class Worker {
        @Interval('worker', 0)
        work() {
          throw new Error('broken');
        }
      }
      const { run } = await startApp({ providers: [Worker] });
      return run('worker');
    }

    const translated = () => new TypeError('translated');

    it.each<[string, () => unknown]>([
      ['an object', () => ({ statusCode: 500 })],
      ['nothing', () => undefined],
      ['true', () => true],
      ['a promise', () => Promise.resolve('done')],
      ['an observable', () => of('done')],
    ])('cannot make a failed run succeed by returning %s', async (_, answer) => {
      expect(await filtered(answer)).toMatchObject({
        outcome: 'failed',
        error: { name: 'Error', message: 'broken' },
      });
    });

    it.each<[string, () => unknown]>([
      ['throwing it', () => { throw translated(); }],
      ['rejecting with it', () => Promise.reject(translated())],
      ['returning it', () => translated()],
      ['an observable of it', () => throwError(translated)],
    ])('may give another error by %s', async (_, answer) => {
      expect(await filtered(answer)).toMatchObject({
        outcome: 'failed',
        error: { name: 'TypeError', message: 'translated' },
      });
    }); // prettier-ignore

    it('are told of the run', async () => {
      await filtered((_error, host) =>
        seen.push(host.getType<string>(), host.getArgByIndex(0) === RunContext.current()),
      );
      expect(seen).toEqual(['worker', true]);
    });

    it('only get the errors that they catch', async () => {
      @Catch(TypeError)
      class OfTypes implements ExceptionFilter {
        catch() {
          throw new Error('caught');
        }
      }
      @Injectable()
      @UseFilters(OfTypes)
      class Worker {
        @Interval('worker', 0)
        work({ payload }: RunContext) {
          throw payload === 'taken' ? new TypeError('taken') : new RangeError(String(payload));
        }
      }
      const { run } = await startApp({ providers: [Worker] });
      expect(await run('worker', 'passed')).toMatchObject({ error: { message: 'passed' } });
      expect(await run('worker', 'taken')).toMatchObject({ error: { message: 'caught' } });
    });
  });

  describe('pipes', () => {
    @Injectable()
    class Twice implements PipeTransform {
      constructor(private readonly service: Service) {}
      transform(value: number, { type }: ArgumentMetadata) {
        seen.push(`${type} pipe with ${this.service.name}`);
        return value * 2;
      }
    }

    it('act on decorated parameters, and leave the context where it is', async () => {
      @Injectable()
      class Worker {
        @Interval('worker', 0)
        @UsePipes(Twice)
        work(context: RunContext, @Payload(ParseIntPipe) payload: number, ...rest: never[]) {
          seen.push(context === RunContext.current(), payload, rest, this instanceof Worker);
        }
      }
      const { run } = await startApp({ providers: [Worker, Service] });
      expect(await run('worker', 21)).toMatchObject({ outcome: 'succeeded' });
      expect(seen).toEqual(['custom pipe with service', true, 42, [], true]);
    });

    it('fail the run when they reject, and other enhancers find the metadata of its method', async () => {
      @Injectable()
      class Worker {
        @Interval('worker', 0)
        @SetMetadata('label', 'nightly')
        @UseGuards({
          canActivate: (context) => {
            seen.push(new Reflector().get('label', context.getHandler()));
            return true;
          },
        })
        work(_context: RunContext, @Payload(ParseIntPipe) payload: number) {
          seen.push(payload);
        }
      }
      const { run } = await startApp({ providers: [Worker] });
      expect(await run('worker', 'x')).toMatchObject({
        outcome: 'failed',
        error: { name: 'BadRequestException', message: expect.stringContaining('numeric string') },
      });
      expect(seen).toEqual(['nightly']);
    });

    it('leave alone a method without decorated parameters', async () => {
      @Injectable()
      @UsePipes({ transform: () => 'replaced' })
      class Worker {
        @Interval('worker', 0)
        work(context: RunContext) {
          seen.push(context === RunContext.current());
        }
      }
      const { run } = await startApp({ providers: [Worker] });
      await run('worker');
      expect(seen).toEqual([true]);
    });

    it('cannot be put on the context', async () => {
      class Worker {
        @Interval('worker', 0)
        work(@Payload() _payload: unknown) {}
      }
      await expect(startApp({ providers: [Worker] })).rejects.toThrow(
        /Worker\.work .*its first parameter has a decorator, and is the RunContext: decorate a later one/,
      );
    });

    it('get nothing from decorators for requests', async () => {
      class Worker {
        @Interval('worker', 0)
        work(_context: RunContext, @Body() _body: unknown) {}
      }
      await expect(startApp({ providers: [Worker] })).rejects.toThrow(
        /its parameter 2 has a decorator for requests or messages, and a run is neither: make one with createParam/,
      );
    });
  });

  describe('where providers are not singletons of their class', () => {
    it.each([Scope.REQUEST, Scope.TRANSIENT])('applies them to a worker of scope %p', async (scope) => {
      @Injectable({ scope })
      @UseGuards(Pass)
      class Worker {
        readonly service = new Service();
        @Interval('worker', 0)
        @UseInterceptors(Around)
        @UseFilters(Swallow)
        work(context: RunContext, @Payload(ParseIntPipe) payload: number) {
          seen.push(context === RunContext.current(), payload, this.service.name);
          throw new Error('broken');
        }
      }
      const { run } = await startApp({ providers: [Worker, Service] });
      expect(await run('worker', 1)).toMatchObject({ outcome: 'failed', error: { message: 'broken' } });
      expect(await run('worker', 2)).toMatchObject({ outcome: 'failed', error: { message: 'broken' } });
      const each = (payload: number) => [
        'guard with service',
        'before with service',
        true,
        payload,
        'service',
        'swallowed broken',
      ];
      expect(seen).toEqual([...each(1), ...each(2)]);
    });

    it('makes a request-scoped guard anew for each run of a worker that is not', async () => {
      @Injectable({ scope: Scope.REQUEST })
      class OfRun implements CanActivate {
        constructor(@Inject(REQUEST) private readonly request: RunContext) {}
        canActivate(context: ExecutionContext) {
          seen.push(this.request === context.getArgByIndex(0), this.request.payload);
          return true;
        }
      }
      @Injectable()
      class Worker {
        @Interval('worker', 0)
        @UseGuards(OfRun)
        work() {}
      }
      const { run } = await startApp({ providers: [Worker] });
      expect(await run('worker', 1)).toMatchObject({ outcome: 'succeeded' });
      expect(await run('worker', 2)).toMatchObject({ outcome: 'succeeded' });
      expect(seen).toEqual([true, 1, true, 2]);
    });

    it('makes a transient guard of a singleton with what it depends on', async () => {
      @Injectable({ scope: Scope.TRANSIENT })
      class Transient extends Pass {}
      @Injectable()
      class Worker {
        @Interval('worker', 0)
        @UseGuards(Transient)
        work() {}
      }
      const { run } = await startApp({ providers: [Worker, Service] });
      expect(await run('worker')).toMatchObject({ outcome: 'succeeded' });
      expect(seen).toEqual(['guard with service']);
    });

    it("applies them to a controller's method", async () => {
      @Controller()
      @UseGuards(Pass, Refuse)
      class Worker {
        @Interval('worker', 0)
        work() {
          seen.push('ran');
        }
      }
      const { run } = await startApp({ controllers: [Worker], providers: [Service] });
      expect(await run('worker')).toMatchObject({ outcome: 'failed', error: { name: 'ForbiddenException' } });
      expect(seen).toEqual(['guard with service', 'refused']);
    });

    it('applies those of its own module to a class provided under a token', async () => {
      @Injectable()
      @UseGuards(Pass)
      class Worker {
        @Interval('worker', 0)
        work() {}
      }
      const { run } = await startApp({ providers: [{ provide: 'worker', useClass: Worker }, Service] });
      expect(await run('worker')).toMatchObject({ outcome: 'succeeded' });
      expect(seen).toEqual(['guard with service']);
    });

    it('refuses a factory whose worker has one that Nest would leave out without a word', async () => {
      @UseGuards(Refuse)
      class Worker {
        @Interval('worker', 0)
        work() {}
      }
      const worker = { provide: Worker, useFactory: () => new Worker() };
      await expect(startApp({ providers: [worker] })).rejects.toThrow(
        /Worker\.work .*its Refuse would not apply.*provide the worker by its class/,
      );
    });
  });

  describe('that are global', () => {
    @Injectable()
    class Plain {
      @Interval('plain', 0)
      work(context: RunContext) {
        seen.push(context === RunContext.current());
        throw new Error('broken');
      }
    }
    @Injectable()
    class Guarded {
      @Interval('guarded', 0)
      @UseGuards(Pass)
      work() {
        seen.push('ran');
      }
    }
    @Injectable({ scope: Scope.REQUEST })
    class Scoped extends Guarded {
      @Interval('scoped', 0)
      @UseGuards(Pass)
      override work() {
        super.work();
      }
    }
    const workers = [Plain, Guarded, Scoped, Service];
    const globals = [
      { provide: APP_GUARD, useClass: Refuse },
      { provide: APP_FILTER, useClass: Swallow },
      { provide: APP_INTERCEPTOR, useClass: Around },
      { provide: APP_PIPE, useValue: { transform: () => 'replaced' } },
    ];

    it('leave workers alone', async () => {
      const { run } = await startApp({ providers: [...workers, ...globals] });
      expect(await run('plain')).toMatchObject({ outcome: 'failed', error: { message: 'broken' } });
      expect(await run('guarded')).toMatchObject({ outcome: 'succeeded' });
      expect(await run('scoped')).toMatchObject({ outcome: 'succeeded' });
      expect(seen).toEqual([true, 'guard with service', 'ran', 'guard with service', 'ran']);
    });

    it('leave workers alone also when they are request-scoped', async () => {
      const guard = { provide: APP_GUARD, useClass: Refuse, scope: Scope.REQUEST };
      const { run } = await startApp({ providers: [...workers, guard] });
      expect(await run('guarded')).toMatchObject({ outcome: 'succeeded' });
      expect(await run('scoped')).toMatchObject({ outcome: 'succeeded' });
    });

    it('apply to every worker with globalEnhancers: true, and a failure stays one', async () => {
      const [, ...others] = globals;
      const { run } = await startApp({ providers: [...workers, ...others] }, { globalEnhancers: true });
      expect(await run('plain')).toMatchObject({ outcome: 'failed', error: { message: 'broken' } });
      expect(await run('scoped')).toMatchObject({ outcome: 'succeeded' });
      expect(seen).toEqual([
        'before with service',
        true,
        'swallowed broken',
        'guard with service',
        'before with service',
        'ran',
        'after',
      ]);
    });

    it('refuse every worker with globalEnhancers: true and a guard that does', async () => {
      const { run } = await startApp({ providers: [...workers, ...globals] }, { globalEnhancers: true });
      for (const worker of ['plain', 'guarded', 'scoped'])
        expect(await run(worker)).toMatchObject({
          outcome: 'failed',
          error: { name: 'ForbiddenException' },
        });
      expect(seen).not.toContain('ran');
    });

    it.each([Scope.REQUEST, Scope.TRANSIENT])(
      'are refused with globalEnhancers: true when their scope is %p',
      async (scope) => {
        const guard = { provide: APP_GUARD, useClass: Refuse, scope };
        await expect(startApp({ providers: [Plain, guard] }, { globalEnhancers: true })).rejects.toThrow(
          /Plain\.work .*globalEnhancers is true.*Refuse is request-scoped or transient.*give it the default scope/,
        );
      },
    );
  });
});
