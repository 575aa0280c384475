/** The API: passes notes on to whichever store Rollcall knows at the moment. */
import { follow } from "./rollcall.mjs";
import { logAs, readBody, readFlags, serve } from "./service.mjs";

const flags = readFlags();
const log = logAs("api");
const stores = follow({ url: flags.url, service: "store", log });

async function answer(request) {
  if (!/^\/notes\/[^/?]+$/.test(request.url)) return { status: 404, body: { error: "there is only /notes/<name>" } };
  const body = request.method === "PUT" ? await readBody(request) : undefined;
  const store = stores.pick();
  if (store === undefined) return { status: 503, body: { error: "no store is registered" } };
  try {
    const url = `http://${store.address}:${store.port}${request.url}`;
    const reply = await fetch(url, { method: request.method, body, signal: AbortSignal.timeout(2000) });
    return { status: reply.status, body: { ...(await reply.json()), from: store.id } };
  } catch {
    // Dead, but its ttl still runs: Rollcall takes it off the list when that is over.
    return { status: 502, body: { error: `${store.id} does not answer` } };
  }
}

await serve({ service: "api", flags, log, answer, stop: () => stores.stop() });
