import { isUtf8 } from 'node:buffer';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { property } from '../text/shown.js';
import { type ByActor, storableActor } from '../worker/actor.js';

/** Header with the actor, when no guard has authenticated a person: clients with the token are trusted. */
const ACTOR_HEADER = 'x-workers-actor';

/** Fields with the name of a principal; the first that is set is used. */
const NAMES = ['username', 'email', 'name', 'sub', 'id'];

/**
 * Who a request comes from: the principal that a guard of the application has put into `request.user`, as Passport does,
 * by its `username`, `email`, `name`, `sub` or `id`; or else the header `X-Workers-Actor`.
 */
export function actorOf(request: { user?: unknown; headers?: Record<string, unknown> }): ByActor {
  const { user, headers } = request;
  const names = [user, ...NAMES.map((name) => property(user, name)), asUtf8(headers?.[ACTOR_HEADER])];
  const actor = names.find((name) => (typeof name === 'string' && name !== '') || typeof name === 'number');
  return actor === undefined ? {} : storableActor({ actor: String(actor) });
}

/** Node reads the bytes of a header as Latin-1; clients send names in UTF-8. What is no UTF-8 stays as it is. */
function asUtf8(header: unknown): unknown {
  if (typeof header !== 'string') return header;
  const bytes = Buffer.from(header, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : header;
}

/** Parameter decorator for the actor of a request. */
export const RequestActor = createParamDecorator((_data: unknown, context: ExecutionContext): ByActor =>
  actorOf(context.switchToHttp().getRequest()),
);
