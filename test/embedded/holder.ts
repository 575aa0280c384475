/** Holds a data directory until it is killed: the other process of the tests of ownership. */
import { openStoreRig, put } from "./rig.ts";

const dataDir = process.argv[2] ?? "";

async function hold(): Promise<void> {
  const rig = await openStoreRig({ after: () => {} }, dataDir);
  await rig.done(put("held", "1"));
  console.log("holding");
  setInterval(() => {}, 1000);
}

hold().catch((error: Error) => {
  console.log(error.message);
  process.exitCode = 1;
});
