/** A small HTTP service that takes part in Rollcall from its first request to SIGTERM. */
import { once } from "node:events";
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { join } from "./rollcall.mjs";

/** Reads `--url` (or ROLLCALL_URL), `--port`, `--ttl` (seconds). */
export function readFlags() {
  const { values } = parseArgs({
    options: {
      url: { type: "string", default: process.env.ROLLCALL_URL ?? "http://127.0.0.1:7070" },
      port: { type: "string", default: "0" },
      ttl: { type: "string", default: "5" },
    },
  });
  return { url: values.url.replace(/\/+$/, ""), port: Number(values.port), ttlMs: Number(values.ttl) * 1000 };
}

export function logAs(service) {
  return (text) => console.log(`${new Date().toISOString()} ${service}: ${text}`);
}

/** Listens, registers, serves; deregisters on SIGTERM and Ctrl-C. `answer` gives { status, body } for a request. */
export async function serve({ service, flags, log, answer, stop }) {
  const server = createServer(async (request, response) => {
    const { status, body } = await answer(request).catch((error) => ({ status: 500, body: { error: error.message } }));
    response.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(body)}\n`);
  });
  server.listen(flags.port, "127.0.0.1");
  await once(server, "listening");
  const { address, port } = server.address();
  log(`listening on http://${address}:${port}, pid ${process.pid}`);
  const joining = join({ ...flags, service, id: `${service}-${port}`, address, port, log });

  async function end() {
    log("leaving");
    await (await joining).leave();
    await stop?.();
    server.close();
    server.closeAllConnections();
  }
  process.once("SIGTERM", end);
  process.once("SIGINT", end);
}

export async function readBody(request, bytesMax = 65_536) {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) {
    text += chunk;
    if (text.length > bytesMax) throw new Error(`the body is longer than ${bytesMax}`);
  }
  return text;
}
