/**
 * The smallest thing worth keeping alive: an HTTP server without dependencies.
 *
 *   PORT=8080 NAME=web node examples/fleet/http-server.mjs
 *   curl http://127.0.0.1:8080/          {"name":"web","pid":4711,"uptimeSeconds":3}
 *   curl http://127.0.0.1:8080/healthz   {"status":"ok"}
 *
 * It is silent while all is well, and ends with code 0 on SIGTERM.
 */
import { createServer } from 'node:http';

const { PORT = '', NAME = 'http-server' } = process.env;
const port = Number(PORT);

if (!/^\d+$/.test(PORT) || port < 1 || port > 65535) {
  const given = PORT === '' ? 'is not set' : `is ${JSON.stringify(PORT)}`;
  console.error(`PORT ${given}: give a number from 1 to 65535, such as PORT=8080 node ${process.argv[1]}`);
  process.exit(1);
}

const pages = {
  '/': () => ({ name: NAME, pid: process.pid, uptimeSeconds: Math.floor(process.uptime()) }),
  '/healthz': () => ({ status: 'ok' }),
};

const server = createServer((request, response) => {
  const path = request.url?.split('?')[0] ?? '/';
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
  response.writeHead(page ? 200 : 404, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(page ? page() : { error: `no page ${path}` })}\n`);
});

server.on('error', (error) => {
  console.error(`Cannot listen on 127.0.0.1:${port}: ${error.message}`);
  process.exit(1);
});

server.listen(port, '127.0.0.1');

process.on('SIGTERM', () => {
  server.close();
  // A client that keeps its connection open must not hold up the end.
  server.closeAllConnections();
});
