/** The SharedWorker: one stream for all tabs that look at an account with the same token. */
import { Hub, type Joined, type News } from "./hub.ts";

export type Said = ({ readonly kind: "join" } & Joined) | { readonly kind: "here" | "bye" | "retry" };

/** A tab that says nothing for so long is gone: hidden ones say `here` once a minute at least. */
const SILENT_MS_MAX = 200_000;

interface Tab {
  readonly port: MessagePort;
  key: string;
  heardMs: number;
}

const tabs = new Set<Tab>();
const hubs = new Map<string, Hub>();

function tell(key: string, news: News): void {
  for (const tab of tabs) if (tab.key === key) tab.port.postMessage(news);
}

function take(tab: Tab, said: Said): void {
  tab.heardMs = Date.now();
  if (said.kind === "join") {
    const { url, account, token } = said;
    tab.key = JSON.stringify([account, token]);
    const { key } = tab;
    const hub = hubs.get(key);
    if (hub === undefined) hubs.set(key, new Hub({ url, account, token }, (news) => tell(key, news)));
    else if (hub.state !== undefined) tab.port.postMessage(hub.state);
  } else if (said.kind === "bye") tabs.delete(tab);
  else if (said.kind === "retry") hubs.get(tab.key)?.retry();
  sweep();
}

function sweep(): void {
  const nowMs = Date.now();
  for (const tab of tabs) if (nowMs - tab.heardMs > SILENT_MS_MAX) tabs.delete(tab);
  for (const [key, hub] of hubs) {
    if ([...tabs].some((tab) => tab.key === key)) continue;
    hubs.delete(key);
    hub.close();
  }
}

setInterval(sweep, 30_000);

addEventListener("connect", (event) => {
  const port = (event as MessageEvent).ports[0] as MessagePort;
  const tab: Tab = { port, key: "", heardMs: Date.now() };
  tabs.add(tab);
  port.onmessage = ({ data }) => take(tab, data as Said);
});
