/** What the checks of the benches go to, in a process of its own: HTTP, TCP and gRPC servers on every loopback address. */
import { Server as GrpcServer, ServerCredentials } from '@grpc/grpc-js';
import { createServer as createHttp } from 'node:http';
import { createServer as createTcp, type AddressInfo, type Server } from 'node:net';
import { report } from '../harness/child.js';

/** Ports of the servers. */
export interface Targets {
  http: number;
  tcp: number;
  grpc: number;
}

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) => {
    server.listen(0, '0.0.0.0', 4_096, () => resolve((server.address() as AddressInfo).port));
  });

const http = createHttp((_, response) => response.end('ok'));
const tcp = createTcp((socket) => socket.on('error', () => undefined).resume());
const grpc = new GrpcServer();
const SERVING = Buffer.from([8, 1]);
grpc.addService(
  {
    Check: {
      path: '/grpc.health.v1.Health/Check',
      requestStream: false,
      responseStream: false,
      requestDeserialize: (bytes: Buffer) => bytes,
      requestSerialize: (bytes: Buffer) => bytes,
      responseSerialize: (bytes: Buffer) => bytes,
      responseDeserialize: (bytes: Buffer) => bytes,
    },
  },
  { Check: (_: unknown, done: (error: null, answer: Buffer) => void) => done(null, SERVING) } as never,
);
const grpcPort = await new Promise<number>((resolve, reject) => {
  grpc.bindAsync('0.0.0.0:0', ServerCredentials.createInsecure(), (error, port) =>
    error ? reject(error) : resolve(port),
  );
});
report({
  http: await listen(http as unknown as Server),
  tcp: await listen(tcp),
  grpc: grpcPort,
} satisfies Targets);
