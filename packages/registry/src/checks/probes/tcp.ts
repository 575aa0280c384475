/** @live Whether a port takes connections, by TLS if it is said. */
import { fail, pass } from "../verdict.ts";
import { connectTo } from "./connect.ts";
import { placeOf, sayDial } from "./errors.ts";
import type { Make } from "./run.ts";

export const makeTcp: Make = async (run) => {
  const { host, port, secure } = run.aim;
  const address = await run.reach(host);
  return new Promise((resolve, reject) => {
    const socket = connectTo(run, { host, address, port }, secure);
    socket.once(secure ? "secureConnect" : "connect", () => {
      resolve(pass(`TCP connect ${placeOf(host, port)}: Success`));
      // Nothing is said and nothing is heard: no end is waited for.
      socket.destroy();
    });
    socket.on("error", (error) => {
      if (run.signal.aborted) reject(error);
      else resolve(fail(sayDial(error, placeOf(address, port))));
    });
  });
};
