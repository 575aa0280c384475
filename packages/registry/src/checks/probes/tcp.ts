/** @live Whether a port takes connections. */
import { connect } from "node:net";
import { fail, pass } from "../verdict.ts";
import { placeOf, sayDial } from "./errors.ts";
import type { Make } from "./run.ts";

export const makeTcp: Make = async ({ aim: { host, port }, reach, signal }) => {
  const address = await reach(host);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, signal });
    socket.once("connect", () => {
      resolve(pass(`TCP connect ${placeOf(host, port)}: Success`));
      // Nothing is said and nothing is heard: no end is waited for.
      socket.destroy();
    });
    socket.on("error", (error) => {
      if (signal.aborted) reject(error);
      else resolve(fail(sayDial(error, placeOf(address, port))));
    });
  });
};
