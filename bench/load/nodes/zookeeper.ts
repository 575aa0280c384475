/** Registrations in ZooKeeper's terms: ephemeral nodes, by sessions that each have one request under way, always. */
import { connectZookeeper, type ZookeeperConnection } from "../clients/zookeeper.ts";
import type { JobResult, ZookeeperJob } from "../job.ts";
import { Meter, measure } from "../storm.ts";

/** Nodes below one parent; a list of more would be what is measured. */
const SERVICE_SIZE = 100;
const EXISTS = -110;

function create(line: ZookeeperConnection, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    line.create(path, "", false, (error) =>
      error === 0 || error === EXISTS ? resolve() : reject(new Error(`${path}: error ${error} of ZooKeeper`)),
    );
  });
}

export async function runZookeeper(job: ZookeeperJob): Promise<JobResult> {
  const meter = new Meter();
  const value = "v".repeat(job.valueBytes);
  const lines: ZookeeperConnection[] = [];
  for (let index = 0; index < job.connections; index++) lines.push(await connectZookeeper(job.port));
  const root = `/${job.salt}`;
  await create(lines[0] as ZookeeperConnection, root);
  let lost: Error | undefined;
  for (const [index, line] of lines.entries()) {
    line.onLost = (error) => {
      lost ??= error;
    };
    let turn = 0;
    const step = async (): Promise<void> => {
      const service = `${root}/${index}-${Math.floor(turn / SERVICE_SIZE)}`;
      if (turn % SERVICE_SIZE === 0) await create(line, service);
      line.create(`${service}/i-${turn++}`, value, true, (error) => {
        meter.done(error === 0);
        if (!meter.stopped) void step().catch((failed: Error) => line.onLost(failed));
      });
    };
    void step().catch((failed: Error) => line.onLost(failed));
  }
  const result = await measure(meter, job);
  for (const line of lines) line.close();
  if (lost !== undefined) throw lost;
  return result;
}
