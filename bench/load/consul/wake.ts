/** Blocking queries on one service, each on a connection of its own, and a change that wakes all of them. */
import { Arrivals, type Audience } from "../clients/arrivals.ts";
import { type Answer, connectHttp1, type Http1Connection, toRequest } from "../clients/http1.ts";
import type { FanoutJob } from "../job.ts";

const SERVICE = "fanout";
const PATH = `/v1/health/service/${SERVICE}`;

function indexOf({ head }: Answer): string {
  return /\r\nx-consul-index: *(\d+)/i.exec(head)?.[1] ?? "1";
}

/** The change sets `Meta.note` to its number: an answer is that of the change that was made last, or of one before it. */
export async function seatConsul(job: FanoutJob): Promise<Audience> {
  const arrivals = new Arrivals();
  const writer = await connectHttp1(job.port);
  const toChange = (number: number): Buffer => {
    const body = { Name: SERVICE, ID: "i-1", Address: "10.0.0.1", Port: 8080, Meta: { note: `change-${number}-` } };
    return toRequest("PUT", "/v1/agent/service/register", JSON.stringify(body));
  };
  await writer.ask(toChange(-1));
  const first = await writer.ask(toRequest("GET", PATH));
  let expected = "change-none-";
  const lines: Http1Connection[] = [];
  const watch = (line: Http1Connection, index: string, seen: string): void =>
    line.call(toRequest("GET", `${PATH}?index=${index}&wait=60s`), (answer) => {
      if (answer.status !== 200) throw new Error(`a query was answered with ${answer.status}`);
      const isNew = seen !== expected && answer.body.includes(expected);
      if (isNew) arrivals.arrive(1);
      watch(line, indexOf(answer), isNew ? expected : seen);
    });
  for (let nth = 0; nth < job.watchers; nth++) {
    const line = await connectHttp1(job.port);
    lines.push(line);
    watch(line, indexOf(first), "");
  }
  return {
    arrivals,
    change: (number) => {
      expected = `change-${number}-`;
      writer.call(toChange(number), (answer) => {
        if (answer.status !== 200) throw new Error(`the change was answered with ${answer.status}`);
      });
    },
    close: () => {
      for (const line of [writer, ...lines]) line.close();
    },
  };
}
