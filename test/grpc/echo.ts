/** Servers of gRPC that say their names, for clients that find them by xDS. */
import * as grpc from "@grpc/grpc-js";
import type { Scope } from "../harness/scope.ts";

export interface Echo {
  readonly port: number;
  /** Its connections end, and nobody listens any more. */
  die(): void;
}

/** `/echo/Say` answers with the name, as bytes. */
export async function startEcho(scope: Scope, name: string): Promise<Echo> {
  const server = new grpc.Server();
  const as = { path: "/echo/Say", requestStream: false, responseStream: false } as const;
  const pass = {
    requestSerialize: Buffer.from,
    requestDeserialize: Buffer.from,
    responseSerialize: Buffer.from,
    responseDeserialize: Buffer.from,
  };
  server.addService({ say: { ...as, ...pass } } as unknown as grpc.ServiceDefinition, {
    say: (_call: unknown, done: grpc.sendUnaryData<Buffer>) => done(null, Buffer.from(name)),
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  scope.after(() => server.forceShutdown());
  return { port, die: () => server.forceShutdown() };
}
