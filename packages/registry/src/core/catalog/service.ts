/** One service in memory. */
import type { InstanceRecord, Revision } from "../types.ts";
import { isUsable, type ServiceView } from "../view.ts";

export class ServiceState implements ServiceView {
  readonly name: string;
  revision: Revision;
  /** Instances that a lease keeps for a time, here or at another node; of those here, whose lease is silent. */
  kept = 0;
  elsewhere = 0;
  silent = 0;
  changedAtMs = 0;
  lostAtMs = 0;
  readonly instances = new Map<string, InstanceRecord>();

  constructor(name: string, revision: Revision) {
    this.name = name;
    this.revision = revision;
  }

  /** One of its instances is about to be replaced by a change of this time. */
  note(id: string, after: InstanceRecord | null, atMs: number): void {
    const before = this.instances.get(id);
    if (before !== undefined && isUsable(before) && (after === null || !isUsable(after))) this.lostAtMs = atMs;
    this.changedAtMs = atMs;
  }
}
