/** A fetch over node:http. Node's own takes no certificates, and 0.1 s of processor time to load, twice what the rest takes. */
import { readFileSync } from "node:fs";
import { createFetch } from "@rollcall/client/node";

/** Paths of PEM files. */
export interface TlsFiles {
  readonly ca: string | undefined;
  readonly clientCert: string | undefined;
  readonly clientKey: string | undefined;
}

export function openFetch({ ca, clientCert, clientKey }: TlsFiles): typeof globalThis.fetch {
  return createFetch({
    ...(ca !== undefined && { ca: readFileSync(ca) }),
    ...(clientCert !== undefined && { cert: readFileSync(clientCert) }),
    ...(clientKey !== undefined && { key: readFileSync(clientKey) }),
  });
}
