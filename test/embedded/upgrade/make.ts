/**
 * Writes the store of a directory in use, with each kind of row and of change, and what readers see of it. To be run in
 * a checkout of the version whose format it is to be of: `node test/embedded/upgrade/make.ts format-1`.
 */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { everything, historyOf, instanceOf, liveABit, openStoreRig, register, type StoreRig } from "../rig.ts";

const name = process.argv[2] ?? "format";
const data = mkdtempSync(join(tmpdir(), "rollcall-"));
const nobody = { after: () => {} };

/** All that may happen: each cause, with `round` in the names so that it leaves something behind each time. */
async function live(rig: StoreRig, round: number): Promise<void> {
  const { done } = rig;
  await liveABit(rig, 10);
  const check = { id: "c", name: "c", target: "", intervalMs: 0, timeoutMs: 0, reportedAtMs: 0 } as const;
  const said = { status: "unknown", output: "" } as const;
  const run = { id: "h", kind: "http", target: "/", intervalMs: 10_000, timeoutMs: 2000, probe: { rise: 2 } } as const;
  const checks = [{ ...check, kind: "ttl", ...said } as const, { ...check, ...run, ...said }];
  await done(register(`checked-${round}`, "i", { checks }));
  const instance = { service: `checked-${round}`, id: "i" };
  await done({ kind: "report", instance, checkId: "c", status: "warning", output: "late" });
  for (const cause of ["closed", "expired"] as const) {
    const lease = `${cause}-${round}`;
    await done({ kind: "grant", lease, ttlMs: 10_000, via: "test" });
    await done({ kind: "grant", lease, ttlMs: 20_000, via: "test", meta: { changed: "yes" } });
    await done({ kind: "register", instance: instanceOf("members", lease), life: { lease } });
    await done({ kind: "put", key: lease, value: "goes along", lease });
    await done({ kind: "end", lease, cause, silence: { deadlineMs: 1000, lastBeatMs: 500, beats: 3 } });
  }
  await done({ kind: "release", leases: ["shared"] });
  await done({ kind: "hold", leases: ["shared"], reason: "again" });
  await done({ kind: "delete", from: "k/1", to: "k/3" });
  const by = { token: { id: "1", name: "ops" }, dialect: "http", address: "10.0.0.1" };
  const override = { kind: "override", instance, status: "draining", reason: "a test", by: "ops", untilMs: 1 } as const;
  await done({ kind: "signed", by, command: override });
}

const first = await openStoreRig(nobody, data);
await live(first, 1);
await first.close();
// All is in the rows now; what comes is in the log alone.
const rig = await openStoreRig(nobody, data);
await live(rig, 2);
writeFileSync(`${name}.mdb.gz`, gzipSync(readFileSync(join(data, "rollcall.mdb")), { level: 9 }));
const seen = { state: everything(rig.core), history: await historyOf(rig.core) };
writeFileSync(`${name}.json.gz`, gzipSync(JSON.stringify(seen), { level: 9 }));
await rig.close();
