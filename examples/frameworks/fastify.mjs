/** Fastify: a plugin that registers when the server listens, and drains before it closes. */
import { createCaller, createClient } from "@rollcall/client";
import { ownAddress } from "@rollcall/client/node";
import Fastify from "fastify";

const url = process.env.ROLLCALL_URL ?? "http://127.0.0.1:7070";

/** `app.caller` calls services by name; the service of the options is registered for as long as the server listens. */
async function rollcall(app, { service }) {
  const client = createClient({ url });
  const caller = createCaller(client, { consumer: service, balance: "least-pending" });
  let registration;
  app.decorate("caller", caller);
  app.addHook("onListen", async () => {
    const { port } = app.server.address();
    const spec = { service, id: `${service}-${port}`, address: await ownAddress(url), port, protocol: "http" };
    registration = await client.register({ ...spec, ttl: "10s" });
  });
  // Before close(): from there on Fastify answers 503.
  app.decorate("leave", async () => {
    await registration?.drain(500);
    caller.close();
  });
}
// Its decorator and hooks are for the whole server, not for a part of it.
rollcall[Symbol.for("skip-override")] = true;

const app = Fastify();
await app.register(rollcall, { service: "stock" });
app.get("/stock/:id", async (request) => {
  const limit = await app.caller.fetch("http://limits/limit").then((answer) => answer.json());
  return { item: request.params.id, left: 7, ...limit };
});

await app.listen({ port: Number(process.env.PORT ?? 0), host: "0.0.0.0" });
console.log(`stock listens on ${app.server.address().port}`);
async function end() {
  await app.leave();
  await app.close();
}
for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, end);
