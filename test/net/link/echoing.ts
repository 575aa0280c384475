/** A node `b` in a process of its own that answers what it is asked with the same; prints its port. The key is its argument. */
import { openLink } from "../../../packages/registry/src/net/link/link.ts";

const log = { debug() {}, info() {}, warn() {}, error() {} };
const keys = [process.argv[2] ?? ""];
const limits = { silenceMs: 800 };
const link = await openLink({ name: "b", host: "127.0.0.1", port: 0, trust: { keys }, log, limits });
link.on("echo", (payload) => payload);
console.log(link.port);
