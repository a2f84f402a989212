import { createServer, request as forward } from 'node:https';
import { once } from 'node:events';
import { type AddressInfo } from 'node:net';
import { omit } from '../../src/modules/input/omit.js';
import { type Pebble } from './pebble.js';
import { testTlsCertificate } from './tls-server-certificate.js';

/**
 * Stands in front of Pebble and adds what it does not have: renewal information (RFC 9773), and a refusal of what an
 * order replaces. It passes the Host header on, from which Pebble makes the URLs that it hands out and expects in
 * signatures.
 */
export async function startAcmeProxy(pebble: Pebble) {
  const tls = await testTlsCertificate(['localhost']);
  const target = new URL(pebble.directoryUrl);
  const seen: { path: string; replaces?: string; names?: string[] }[] = [];
  const state = {
    window: undefined as { start: string; end: string } | undefined,
    /** Kind of problem that an order with `replaces` meets. */
    refuse: undefined as string | undefined,
    /** Called with each request before the CA gets it. */
    before: undefined as ((path: string) => void) | undefined,
    /** Called when the CA has answered, and nobody has the answer yet. */
    after: undefined as ((path: string) => void) | undefined,
  };
  const server = createServer({ cert: tls.certificate, key: tls.privateKey }, (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const body = Buffer.concat(chunks);
      const path = incoming.url ?? '/';
      const { replaces, identifiers } = orderIn(body);
      const names = identifiers?.map(({ value }) => value);
      seen.push({ path, ...(replaces !== undefined && { replaces }), ...(names && { names }) });
      state.before?.(path);
      if (path.startsWith('/renewal-info/')) {
        outgoing.setHeader('retry-after', '21600');
        if (!state.window) outgoing.statusCode = 404;
        outgoing.end(
          JSON.stringify({ suggestedWindow: state.window, explanationURL: 'https://ca.test/why' }),
        );
        return;
      }
      if (replaces !== undefined && state.refuse) {
        outgoing.statusCode = 409;
        outgoing.setHeader('content-type', 'application/problem+json');
        const type = `urn:ietf:params:acme:error:${state.refuse}`;
        outgoing.end(JSON.stringify({ type, detail: 'it was replaced already' }));
        return;
      }
      const { method, headers } = incoming;
      const options = { host: '127.0.0.1', port: target.port, path, method, headers, ca: pebble.trust };
      const passed = forward({ ...options, servername: 'localhost' }, (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.on('end', () => {
          state.after?.(path);
          let text = Buffer.concat(parts);
          if (path === target.pathname) {
            const host = headers.host!;
            const directory = { ...JSON.parse(text.toString()), renewalInfo: `https://${host}/renewal-info` };
            text = Buffer.from(JSON.stringify(directory));
          }
          const passedOn = omit(answer.headers, 'transfer-encoding', 'content-length');
          outgoing.writeHead(answer.statusCode ?? 502, passedOn);
          outgoing.end(text);
        });
      });
      passed.on('error', () => outgoing.destroy());
      passed.end(body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    directoryUrl: `https://localhost:${port}${target.pathname}`,
    trust: tls.root,
    seen,
    state,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

/** What an order asks for; nothing of what is none. */
function orderIn(body: Buffer): { replaces?: string; identifiers?: { value: string }[] } {
  try {
    const { payload } = JSON.parse(body.toString()) as { payload: string };
    return JSON.parse(Buffer.from(payload, 'base64url').toString()) as ReturnType<typeof orderIn>;
  } catch {
    return {};
  }
}
