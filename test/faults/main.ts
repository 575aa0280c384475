/**
 * A trial as a process of its own, which may be in namespaces of its own: `main.ts <first seed> <last seed>`. Prints a JSON
 * line for the ground it stands on and one for each seed. After a complaint the next seed begins on a new cluster.
 */
import { Ends } from "../harness/ends.ts";
import { type Cluster, startFaultyCluster } from "./cluster.ts";
import { openGround } from "./ground/ground.ts";
import { Trial } from "./round.ts";

function tell(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

// At the end of a process its children are killed.
process.once("SIGTERM", () => process.exit());
const [first = 1, last = first] = process.argv.slice(2).map(Number);
const ground = await openGround(new Ends());
tell({ ground: ground.kind, slowness: ground.slowness });

let seed = first;
while (seed <= last) {
  const ends = new Ends();
  const cluster: Cluster = await startFaultyCluster(ends, ground);
  const trial = new Trial(cluster, seed);
  for (let isWell = true; isWell && seed <= last; seed++) {
    const told = await trial.run(seed);
    isWell = told.complaints.length === 0;
    tell(told);
  }
  trial.end();
  await ends.end();
}
process.exit();
