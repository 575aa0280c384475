/** What the load of leases that end is asked, and tells. */

/** Leases with a key each, of which all are due in the same few seconds. */
export interface ExpiryJob {
  kind: "etcd-expiry";
  port: number;
  connections: number;
  count: number;
  /** From the start until the first is due, at least; they are granted meanwhile. */
  leadS: number;
  /** From the first to the last. */
  overS: number;
  /** How late the last may be. */
  lateMsMax: number;
}

export interface ExpiryResult {
  /** From when the last was due until all keys were gone. */
  lastLateMs: number;
  /** Of each lease by itself, the median. */
  lateMs: number;
  /** Keys that were gone before they were due. */
  early: number;
}
