import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { property } from '../text/shown.js';
import { type ByActor, storableActor } from '../worker/actor.js';

/** Says who asks, where nothing has authenticated a person: whoever has the token is believed. */
const ACTOR_HEADER = 'x-workers-actor';

/** What a principal is called, the first of them that it has. */
const NAMES = ['username', 'email', 'name', 'sub', 'id'];

/**
 * Who a request comes from: the principal that a guard of the application has put into `request.user`, as Passport does,
 * by its `username`, `email`, `name`, `sub` or `id`; or else what the header `X-Workers-Actor` says.
 */
export function actorOf(request: { user?: unknown; headers?: Record<string, unknown> }): ByActor {
  const { user, headers } = request;
  const names = [user, ...NAMES.map((name) => property(user, name)), headers?.[ACTOR_HEADER]];
  const actor = names.find((name) => (typeof name === 'string' && name !== '') || typeof name === 'number');
  return actor === undefined ? {} : storableActor({ actor: String(actor) });
}

/** Hands it to a controller's method. */
export const RequestActor = createParamDecorator((_data: unknown, context: ExecutionContext): ByActor =>
  actorOf(context.switchToHttp().getRequest()),
);
