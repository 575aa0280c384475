/** A relay to a registry, as a process that a test can stop and let go on: `node relay.mjs <port of the registry>`. */
import { connect, createServer } from "node:net";

const target = Number(process.argv[2]);
const relay = createServer((near) => {
  const far = connect(target, "127.0.0.1");
  for (const [one, other] of [
    [near, far],
    [far, near],
  ])
    one.on("error", () => other.destroy()).pipe(other);
});
// The shortest queue: while the process is stopped, two connections fill it, and the kernel drops further SYNs.
relay.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => console.log(`port=${relay.address().port}`));
