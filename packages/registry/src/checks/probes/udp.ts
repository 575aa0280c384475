/** @live Whether a port of UDP is not refused: an empty datagram goes there, and any answer, or none, is well. */
import { createSocket } from "node:dgram";
import { isIPv6 } from "node:net";
import { fail, pass, type Verdict } from "../verdict.ts";
import { placeOf, sayDial } from "./errors.ts";
import type { Make } from "./run.ts";

/** Most say nothing to an empty datagram, and a host that has nobody at the port says so at once. */
const SILENCE_MS_MAX = 1000;

export const makeUdp: Make = async ({ aim: { host, port }, check, reach, signal }) => {
  const address = await reach(host);
  const place = placeOf(address, port);
  const socket = createSocket({ type: isIPv6(address) ? "udp6" : "udp4", signal });
  return new Promise((resolve, reject) => {
    const end = (verdict: Verdict): void => {
      clearTimeout(timer);
      resolve(verdict);
      socket.close();
    };
    const well = (): void => end(pass(`UDP connect ${placeOf(host, port)}: Success`));
    // Sooner than the run is ended: silence is no reason to be late.
    const timer = setTimeout(well, Math.min(SILENCE_MS_MAX, check.timeoutMs / 2));
    socket.once("close", () => {
      clearTimeout(timer);
      reject(new Error("it was stopped"));
    });
    socket.once("message", well);
    socket.once("error", (error) => end(fail(sayDial(error, place, "udp"))));
    // Connected to it, the socket hears of refusals.
    socket.connect(port, address, () => socket.send(""));
  });
};
