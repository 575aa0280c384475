/** Why listening failed, in words for people. */
import { sayWhy } from "../why.ts";

/** Another program listens there. */
export class PortTaken extends Error {
  override readonly name = "PortTaken";
}

/** The sentence for an error of `listen` or `bind`; `PortTaken` when another program has the port. Keeps the code. */
export function explainListen(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const where = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const words: Record<string, string> = {
    EADDRINUSE: `${where} is taken by another program`,
    EACCES: `this user may not listen on ${where}`,
    EADDRNOTAVAIL: `this machine has no address ${host}`,
    ENOTFOUND: `the host name ${host} is not known`,
  };
  const sentence = words[error.code ?? ""] ?? `cannot listen on ${where}: ${sayWhy(error)}`;
  const explained = error.code === "EADDRINUSE" ? new PortTaken(sentence) : new Error(sentence);
  return Object.assign(explained, { cause: error, code: error.code });
}
