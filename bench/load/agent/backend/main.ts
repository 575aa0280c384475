/** A server that answers with its name. */
import { createServer } from "node:http";

const [name = "", port] = process.argv.slice(2);
createServer((_, response) => void response.end(name)).listen(Number(port), "127.0.0.1", () => {
  process.stdout.write("ready\n");
});
