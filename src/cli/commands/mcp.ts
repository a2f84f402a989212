import { type Command } from 'commander';
import { messageOf } from '../../core/text/describe-error.js';
import { asksApi, contextOf, wholeNumber } from '../context.js';
import { CommandError, EXIT } from '../exit-codes.js';
import { packageVersion } from '../version.js';

interface McpFlags {
  token?: string;
  http?: number;
  allowActions?: boolean;
}

/** `mcp`. */
export function mcpCommand(program: Command): void {
  asksApi(program.command('mcp').description('serves workers, runs, errors and incidents to a model (MCP)'))
    .option('--http <port>', 'on 127.0.0.1 instead of standard input and output', wholeNumber(0, 65_535))
    .option('--allow-actions', 'trigger, cancel, pause, resume and silence too; needs a token that may write')
    .action((_given: unknown, command: Command) => serve(command));
}

async function serve(command: Command): Promise<void> {
  const {
    token = process.env.WORKERS_TOKEN,
    http,
    allowActions = false,
  } = command.optsWithGlobals<McpFlags>();
  if (allowActions && !token)
    throw new CommandError('--allow-actions needs a token that may write: give WORKERS_TOKEN', EXIT.usage);
  const { api } = contextOf(command);
  // Optional packages, which no other command needs.
  const parts = await Promise.all([
    import('../mcp/mcp-server.js'),
    import('../mcp/http.js'),
    import('@modelcontextprotocol/sdk/server/stdio.js'),
  ]).catch((error: unknown) => {
    throw new CommandError(
      `mcp needs two more packages: npm install @modelcontextprotocol/sdk zod (${messageOf(error)})`,
      EXIT.usage,
    );
  });
  const [{ createMcpServer }, { serveHttp }, { StdioServerTransport }] = parts;
  const create = () => createMcpServer(api, { version: packageVersion(), allowActions });
  const ended = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve);
    if (http === undefined) process.stdin.once('end', resolve);
  });
  if (http === undefined) {
    const server = create();
    await server.connect(new StdioServerTransport());
    await ended;
    return server.close();
  }
  const { url, server } = await serveHttp({ port: http, token, create });
  // Standard output is for answers.
  process.stderr.write(`The MCP server is at ${url}\n`);
  await ended;
  server.closeAllConnections();
  server.close();
}
