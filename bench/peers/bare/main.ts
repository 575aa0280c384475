/**
 * A server of Node's HTTP module that does nothing but answer: GET with a file that it has read at its start, all else
 * with an empty 200. What it manages is the most that a server on this module can, on this machine and with this load.
 * Arguments: its port, and files; each is served under its name.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { basename } from "node:path";

const [port, ...paths] = process.argv.slice(2);
const bodies = new Map(paths.map((path) => [`/${basename(path)}`, readFileSync(path)]));

createServer((request, response) => {
  const body = request.method === "GET" ? bodies.get(request.url ?? "") : undefined;
  response.writeHead(200, { "Content-Length": body?.length ?? 0 });
  response.end(body);
}).listen(Number(port), "127.0.0.1");
