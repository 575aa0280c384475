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

const client = createClient({ url: `http://127.0.0.1:${port}` });
const body = new Response("");
const atOnce = async (): Promise<Response> => body;
const caller = createCaller(client, { balance: "least-pending", fetch: atOnce });
const real: Fetch = async (url) => {
  const response = await fetch(url);
  await response.arrayBuffer();
  return response;
};

const [addedUs, bareUs]: [number[], number[]] = [[], []];
const url = `http://127.0.0.1:${port}/healthz`;
for (let nth = -2; nth < Number(blocks); nth++) {
  const without = await time(atOnce, url, BLOCK_INSTANT);
  const added = (await time((named) => caller.fetch(named), `http://${service}/healthz`, BLOCK_INSTANT)) - without;
  const bare = await time(real, url, BLOCK_REAL);
  // The first blocks warm up.
  if (nth < 0) continue;
  addedUs.push(added);
  bareUs.push(bare);
}
const found = { added: findMedian(addedUs), bare: findMedian(bareUs) };
process.stdout.write(JSON.stringify(found), () => process.exit(0));
