/** Express: registered while it listens, drained at SIGTERM, and calling another service by its name. */
import { createCaller, createClient } from "@rollcall/client";
import { ownAddress } from "@rollcall/client/node";
import express from "express";

const url = process.env.ROLLCALL_URL ?? "http://127.0.0.1:7070";
const rollcall = createClient({ url });
const caller = createCaller(rollcall, { consumer: "orders" });

const app = express();
app.get("/orders/:id", async (request, response) => {
  const stock = await caller.fetch(`http://stock/stock/${request.params.id}`);
  response.status(stock.status).json({ order: request.params.id, stock: await stock.json() });
});

const server = app.listen(Number(process.env.PORT ?? 0), async () => {
  const { port } = server.address();
  await rollcall.register(
    { service: "orders", id: `orders-${port}`, address: await ownAddress(url), port, protocol: "http", ttl: "10s" },
    { endAt: true, drainMs: 500 },
  );
  console.log(`orders listens on ${port}`);
});
