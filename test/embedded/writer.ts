/** Writes to a data directory as fast as it can and says what was acknowledged, until it is killed. */
import { openStoreRig, put, register } from "./rig.ts";

const dataDir = process.argv[2] ?? "";
const WRITERS = 32;
const KEYS = 40;

/** Checkpoints and trimming happen all the time. */
export const BUSY = { checkpointCommits: 300, retention: { bytesMax: 400_000 } };

async function write(writer: number, rig: Awaited<ReturnType<typeof openStoreRig>>): Promise<void> {
  for (let n = 0; ; n++) {
    const name = `w${writer}/${Math.floor(Math.random() * KEYS)}`;
    const value = `${n}-${"x".repeat(Math.random() < 0.02 ? 30_000 : Math.floor(Math.random() * 300))}`;
    const { commit } = await rig.done(put(name, value));
    process.stdout.write(`${commit?.revision} ${name} ${value.length} ${n}\n`);
    if (n % 3 === 0) await rig.propose("default", register(`s${writer}`, `i${n % KEYS}`, { version: String(n) }));
    if (n % 7 === 0)
      await rig.propose("default", {
        kind: "deregister",
        instance: { service: `s${writer}`, id: `i${n % KEYS}` },
      });
  }
}

async function start(): Promise<void> {
  const rig = await openStoreRig({ after: () => {} }, dataDir, BUSY);
  console.log("ready");
  await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer, rig)));
}

if (dataDir !== "") await start();
