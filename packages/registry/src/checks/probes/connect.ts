/** @live Connections of checks: plain ones, and by TLS. */
import { connect as connectPlain, isIP, type Socket } from "node:net";
import { addAbortSignal } from "node:stream";
import { checkServerIdentity, connect as connectTls } from "node:tls";
import type { Run } from "./run.ts";

/** Where a name led to. */
export interface Place {
  /** The host that was meant. */
  readonly host: string;
  readonly address: string;
  readonly port: number;
}

/**
 * Ends with the run's signal. By TLS the certificate must have the check's server name, else that of the host that was meant.
 * Whoever uses the socket listens for its errors; one that comes before that, as the run was ended meanwhile, harms nobody.
 */
export function connectTo(run: Run, place: Place, secure: boolean, protocols: readonly string[] = []): Socket {
  const { address: host, port } = place;
  const socket = secure ? openSecure(run, place, protocols) : connectPlain({ host, port });
  return addAbortSignal(
    run.signal,
    socket.on("error", () => {}),
  );
}

function openSecure({ check, trusted }: Run, { host, address, port }: Place, protocols: readonly string[]): Socket {
  const { serverName = host, skipVerify = false } = check.probe ?? {};
  return connectTls({
    host: address,
    port,
    secureContext: trusted(),
    rejectUnauthorized: !skipVerify,
    // An address is no name to ask for (RFC 6066 §3), but the certificate must have it.
    servername: isIP(serverName) === 0 ? serverName : "",
    checkServerIdentity: (_, certificate) => checkServerIdentity(serverName, certificate),
    ...(protocols.length === 0 ? {} : { ALPNProtocols: [...protocols] }),
  });
}
