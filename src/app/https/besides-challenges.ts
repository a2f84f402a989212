import { type IncomingMessage, type ServerResponse } from 'node:http';

type Middleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

/** CAs ask for challenges under the names of the tenants: what checks the Host header lets those through. */
export function besidesChallenges(check: Middleware): Middleware {
  return (request, response, next) => {
    if (request.url?.startsWith('/.well-known/acme-challenge/')) next();
    else check(request, response, next);
  };
}
