/**
 * All that a service needs to take part in Rollcall, over plain HTTP: register, heartbeat, deregister, follow.
 * The SDK in packages/client does the same with more comfort; this file shows that nothing is hidden.
 */

/** Registers, then heartbeats three times per ttl until `leave()`. */
export async function join({ url, service, id, address, port, ttlMs, log }) {
  const path = `${url}/v2/default/services/${service}/instances/${id}`;
  let left = false;
  let timer;
  let beating = Promise.resolve();

  async function register() {
    const body = JSON.stringify({ address, port, protocol: "http", ttl: `${ttlMs}ms` });
    const headers = { "content-type": "application/json" };
    const answer = await fetch(path, { method: "PUT", headers, body, signal: AbortSignal.timeout(ttlMs) });
    if (!answer.ok) throw new Error(`registering was answered ${answer.status}: ${await answer.text()}`);
    log(`registered as ${service}/${id} at ${address}:${port} with a ttl of ${ttlMs / 1000} s`);
  }

  async function beat() {
    // An answer that is waited for longer leaves no time to say it again.
    const answer = await fetch(`${path}/heartbeat`, { method: "POST", signal: AbortSignal.timeout(ttlMs / 4) });
    // The registry does not know us: it was started anew, or we were silent for too long.
    if (answer.status === 404) await register();
    else if (!answer.ok) throw new Error(`a heartbeat was answered ${answer.status}`);
  }

  async function keepBeating() {
    let pauseMs = ttlMs / 3;
    try {
      await beat();
    } catch (error) {
      log(`cannot reach the registry, trying again: ${reasonOf(error)}`);
      pauseMs = ttlMs / 10;
    }
    if (!left) beatLater(pauseMs);
  }

  function beatLater(pauseMs) {
    timer = setTimeout(() => {
      beating = keepBeating();
    }, pauseMs);
  }

  try {
    await register();
  } catch (error) {
    log(`cannot register yet: ${reasonOf(error)}`);
  }
  beatLater(ttlMs / 3);

  return {
    async leave() {
      left = true;
      clearTimeout(timer);
      // A heartbeat under way could register again what is about to be taken off.
      await beating;
      await fetch(path, { method: "DELETE", signal: AbortSignal.timeout(2000) }).catch(() => undefined);
    },
  };
}

/** Keeps the healthy instances of a service at hand. What was known last is used while the registry is away. */
export function follow({ url, service, log }) {
  const stopping = new AbortController();
  let instances = [];
  let next = 0;

  async function read() {
    const answer = await fetch(`${url}/v2/default/services/${service}?status=healthy`, { signal: stopping.signal });
    if (!answer.ok) throw new Error(`reading ${service} was answered ${answer.status}`);
    const body = await answer.json();
    instances = body.instances;
    const places = instances.map(({ address, port }) => `${address}:${port}`).join(", ");
    log(places === "" ? `no ${service} is registered` : `${service} is at ${places}`);
    return body.revision;
  }

  async function watch() {
    const after = await read();
    const answer = await fetch(`${url}/v2/default/watch?service=${service}&after=${after}`, {
      headers: { accept: "text/event-stream" },
      signal: stopping.signal,
    });
    if (!answer.ok) throw new Error(`watching ${service} was answered ${answer.status}`);
    for await (const event of eventsOf(answer.body)) if (event === "change" || event === "resync") await read();
  }

  async function keepWatching() {
    while (!stopping.signal.aborted) {
      await watch().catch((error) => {
        if (!stopping.signal.aborted) log(`cannot follow ${service}, trying again: ${reasonOf(error)}`);
      });
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }

  const done = keepWatching();
  return {
    /** The instances in turn; undefined when there is none. */
    pick: () => instances[next++ % instances.length],
    async stop() {
      stopping.abort();
      await done;
    },
  };
}

/** The names of the events of a stream (Server-Sent Events). */
async function* eventsOf(body) {
  let rest = "";
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + text).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const line = block.split("\n").find((candidate) => candidate.startsWith("event:"));
      if (line !== undefined) yield line.slice("event:".length).trim();
    }
  }
}

function reasonOf(error) {
  return error.cause?.message || error.cause?.code || error.message;
}
