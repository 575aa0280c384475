/** The database stand-in: notes in memory, behind PUT and GET /notes/<name>. */
import { logAs, readBody, readFlags, serve } from "./service.mjs";

const notes = new Map();

async function answer(request) {
  const name = /^\/notes\/([^/?]+)$/.exec(request.url)?.[1];
  if (name === undefined) return { status: 404, body: { error: "there is only /notes/<name>" } };
  if (request.method === "PUT") {
    notes.set(name, await readBody(request));
    return { status: 200, body: { name, note: notes.get(name) } };
  }
  if (!notes.has(name)) return { status: 404, body: { error: `no note ${name}` } };
  return { status: 200, body: { name, note: notes.get(name) } };
}

await serve({ service: "store", flags: readFlags(), log: logAs("store"), answer });
