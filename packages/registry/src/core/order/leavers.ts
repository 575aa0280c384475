/** Which commit each instance went with last, as far back as history reaches. */
import { type Account, type Commit, type InstanceKey, leaverOf, type Revision } from "../types.ts";

export class Leavers {
  readonly #nameOf: (account: Account, instance: InstanceKey) => string;
  /** In the order of revisions. */
  readonly #gone = new Map<string, Revision>();

  /** `nameOf`: what stands for an instance here; shorter ones take less memory. */
  constructor(nameOf: (account: Account, instance: InstanceKey) => string) {
    this.#nameOf = nameOf;
  }

  note({ account, revision, changes }: Commit): void {
    for (const change of changes) {
      const leaver = change.kind === "instance" ? leaverOf(change) : null;
      if (leaver === null) continue;
      const name = this.#nameOf(account, leaver);
      this.#gone.delete(name);
      this.#gone.set(name, revision);
    }
  }

  /** 0 when it did not go, or at `floor` or before. */
  goneAt(account: Account, instance: InstanceKey, floor: Revision): Revision {
    const revision = this.#gone.get(this.#nameOf(account, instance)) ?? 0;
    return revision > floor ? revision : 0;
  }

  /** Those of up to and including `floor`. */
  forget(floor: Revision): void {
    for (const [name, revision] of this.#gone) {
      if (revision > floor) break;
      this.#gone.delete(name);
    }
  }

  clear(): void {
    this.#gone.clear();
  }
}
