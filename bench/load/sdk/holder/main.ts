/** A program that registers by the SDK, held alive by a connection, and stays until it is killed. */
import { createClient } from "@rollcall/client";

const [port, service, lingerMs] = process.argv.slice(2);
const client = createClient({ url: `http://127.0.0.1:${port}` });
await client.register(
  { service: String(service), id: "1", address: "127.0.0.1", port: 80, ttl: "10m" },
  { alive: "connection", lingerMs: Number(lingerMs) },
);
setInterval(() => {}, 60_000);
