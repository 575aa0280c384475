/** Fetches over node:http. Node's own takes no certificates, and 0.1 s of processor time to load, twice what the rest takes. */
import { readFileSync } from "node:fs";
import type { Fetch } from "@rollcall/client";
import { createFetch, createQuickFetch, type TlsOptions } from "@rollcall/client/node";

export { createQuickFetch };

/** Paths of PEM files. */
export interface TlsFiles {
  readonly ca: string | undefined;
  readonly clientCert: string | undefined;
  readonly clientKey: string | undefined;
}

export function openFetch(files: TlsFiles): typeof globalThis.fetch {
  return createFetch(read(files));
}

/** For the SDK's client. */
export function openQuickFetch(files: TlsFiles): Fetch {
  return createQuickFetch(read(files));
}

function read({ ca, clientCert, clientKey }: TlsFiles): TlsOptions {
  return {
    ...(ca !== undefined && { ca: readFileSync(ca) }),
    ...(clientCert !== undefined && { cert: readFileSync(clientCert) }),
    ...(clientKey !== undefined && { key: readFileSync(clientKey) }),
  };
}
