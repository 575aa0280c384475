/** What a call by a service's name costs this process over the fetch that it is made with: by turns, in blocks, one call at a time. */
import { createCaller, createClient } from "@rollcall/client";
import { findMedian } from "../../../statistics.ts";

const [port, service, blocks] = process.argv.slice(2);
const BLOCK_INSTANT = 5000;
const BLOCK_REAL = 400;

type Fetch = (url: string) => Promise<Response>;

/** Microseconds of processor time of each call of a block. */
async function time(fetch: Fetch, url: string, count: number): Promise<number> {
  const before = process.cpuUsage();
  for (let nth = 0; nth < count; nth++) await fetch(url);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

/** The medians of both, and of their difference. */
async function compare(bare: Fetch, named: Fetch, count: number): Promise<{ bare: number; more: number }> {
  const [bareUs, moreUs]: [number[], number[]] = [[], []];
  for (let nth = -2; nth < Number(blocks); nth++) {
    const one = await time(bare, `http://127.0.0.1:${port}/healthz`, count);
    const other = await time(named, `http://${service}/healthz`, count);
    // The first blocks warm up.
    if (nth < 0) continue;
    bareUs.push(one);
    moreUs.push(other - one);
  }
  return { bare: findMedian(bareUs), more: findMedian(moreUs) };
}

const client = createClient({ url: `http://127.0.0.1:${port}` });
const body = new Response("");
const atOnce = async (): Promise<Response> => body;
const real: Fetch = async (url) => {
  const response = await fetch(url);
  await response.arrayBuffer();
  return response;
};
const instant = createCaller(client, { balance: "least-pending", fetch: atOnce });
const byName = createCaller(client, { balance: "least-pending" });
const added = await compare(atOnce, (url) => instant.fetch(url), BLOCK_INSTANT);
const seen = await compare(
  real,
  async (url) => {
    const response = await byName.fetch(url);
    await response.arrayBuffer();
    return response;
  },
  BLOCK_REAL,
);
process.stdout.write(JSON.stringify({ added: added.more, bare: seen.bare, more: seen.more }), () => process.exit(0));
