import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { type McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';

const PATH = '/mcp';
const HOST = '127.0.0.1';

/** What serves the protocol over HTTP. */
export interface HttpOptions {
  port: number;
  /** What a client has to send; undefined: nothing, as the application lets anybody read. */
  token: string | undefined;
  /** A server for each request: there are no sessions. */
  create(): McpServer;
}

/**
 * Serves the protocol on the loopback interface. It acts with the token of whoever started it, so a client has to know that, and a
 * page of another site, whose host name leads here, is refused by the Host header.
 */
export async function serveHttp({
  port,
  token,
  create,
}: HttpOptions): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => void answer(request, response));
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { port: own } = server.address() as AddressInfo;
    if (!isOwnHost(request.headers.host, own))
      return refuse(response, 403, 'The Host header names another host');
    if (pathOf(request) !== PATH) return refuse(response, 404, `There is ${PATH} alone`);
    const given = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (token !== undefined && (given === undefined || !same(given, token)))
      return refuse(response, 401, 'Send the token: "Authorization: Bearer <token>"');
    if (request.method !== 'POST') return refuse(response, 405, 'There are no sessions: POST alone');
    const mcp = create();
    // Without a generator of ids there are no sessions.
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
    response.on('close', () => void mcp.close());
    try {
      // Its optional properties may be undefined, which those of the interface may not.
      await mcp.connect(transport as Parameters<McpServer['connect']>[0]);
      await transport.handleRequest(request, response);
    } catch (error) {
      if (!response.headersSent) refuse(response, 500, (error as Error).message);
    }
  };
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, HOST, resolve);
  });
  return { url: `http://${HOST}:${(server.address() as AddressInfo).port}${PATH}`, server };
}

/** Undefined for a target that is no path, such as `//[`. */
function pathOf({ url = '/' }: IncomingMessage): string | undefined {
  const base = `http://${HOST}`;
  return URL.canParse(url, base) ? new URL(url, base).pathname : undefined;
}

function isOwnHost(host: string | undefined, port: number): boolean {
  return ['127.0.0.1', 'localhost', '[::1]'].some((name) => host === `${name}:${port}`);
}

function refuse(response: ServerResponse, status: number, message: string): void {
  const headers = { 'content-type': 'text/plain; charset=utf-8' };
  response
    .writeHead(status, status === 401 ? { ...headers, 'www-authenticate': 'Bearer' } : headers)
    .end(message);
}

/** Takes as long whatever differs. */
function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
