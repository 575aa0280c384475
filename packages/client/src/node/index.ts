/** What the SDK offers in Node only. */
export { ownAddress } from "./address.ts";
export { createFetch, createQuickFetch, type TlsOptions } from "./fetch.ts";
export { createLookup } from "./lookup.ts";
export { fileSnapshots } from "./snapshots.ts";
