/** @live Whether a server of HTTP/2 answers a ping, over TLS or without. */
import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { fail, pass, type Verdict } from "../verdict.ts";
import { connectTo } from "./connect.ts";
import { placeOf, sayDial } from "./errors.ts";
import type { Make, Run } from "./run.ts";

/** A connection to the run's aim at this address, used once and closed. Rejects where there is none, or it ends before. */
export async function overHttp2(
  run: Run,
  address: string,
  use: (session: ClientHttp2Session) => Promise<Verdict>,
): Promise<Verdict> {
  const { host, port, secure } = run.aim;
  const socket = connectTo(run, { host, address, port }, secure, ["h2"]);
  let session: ClientHttp2Session | undefined;
  try {
    await once(socket, secure ? "secureConnect" : "connect");
    session = connectHttp2(`${secure ? "https" : "http"}://${placeOf(host, port)}`, {
      createConnection: () => socket,
      maxSessionMemory: 1,
      maxHeaderListPairs: 64,
      settings: { enablePush: false },
    });
    const ended = new Promise<never>((_, reject) => {
      session?.on("error", reject);
      session?.on("close", () => reject(new Error("the connection was closed")));
    });
    return await Promise.race([use(session), ended]);
  } finally {
    session?.destroy();
    socket.destroy();
  }
}

export const makeHttp2: Make = async (run) => {
  const { host, port } = run.aim;
  const address = await run.reach(host);
  let doing = `Failed to dial to ${placeOf(host, port)}`;
  try {
    return await overHttp2(run, address, (session) => {
      doing = "HTTP2 ping failed";
      return ping(session);
    });
  } catch (error) {
    return fail(`${doing}: ${sayDial(error, placeOf(address, port))}`);
  }
};

async function ping(session: ClientHttp2Session): Promise<Verdict> {
  await once(session, "connect");
  await new Promise<void>((resolve, reject) => {
    session.ping((error) => (error === null ? resolve() : reject(error)));
  });
  return pass("HTTP2 ping was successful");
}
