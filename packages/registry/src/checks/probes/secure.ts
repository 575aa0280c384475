/** @live Connections of checks by TLS. */
import { isIP } from "node:net";
import { addAbortSignal } from "node:stream";
import { checkServerIdentity, connect, type TLSSocket } from "node:tls";
import type { Run } from "./run.ts";

/** The certificate must have the check's server name, else that of the host that was meant. */
export function connectSecurely(
  { check, trusted, signal }: Run,
  host: string,
  address: string,
  port: number,
  protocols?: readonly string[],
): TLSSocket {
  const { serverName = host, skipVerify = false } = check.probe ?? {};
  const socket = connect({
    host: address,
    port,
    secureContext: trusted(),
    rejectUnauthorized: !skipVerify,
    // An address is no name to ask for (RFC 6066 §3), but the certificate must have it.
    servername: isIP(serverName) === 0 ? serverName : "",
    checkServerIdentity: (_, certificate) => checkServerIdentity(serverName, certificate),
    ...(protocols === undefined ? {} : { ALPNProtocols: [...protocols] }),
  });
  return addAbortSignal(signal, socket);
}
