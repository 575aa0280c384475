/** What another server sends in one piece: carried out at once, in order where the order matters. */
import type { Done, Operations, Origin } from "../instances/operations.ts";
import type { PeerTask } from "../wire/messages.ts";

const UNREADABLE: Done = { statusCode: 400, responseEntity: undefined };
const FAILED: Done = { statusCode: 500, responseEntity: undefined };

/**
 * The results, in the order of the lines. Lines of one instance wait for one another; the others do not, so that all of
 * them share a few flushes of the disk.
 */
export function carryOut(
  operations: Operations,
  tasks: readonly (PeerTask | undefined)[],
  origin: Origin,
): Promise<Done[]> {
  const latest = new Map<string, Promise<Done>>();
  return Promise.all(
    tasks.map((task) => {
      if (task === undefined) return UNREADABLE;
      const key = `${task.appName}/${task.id}`;
      const start = (): Promise<Done> => carryOutOne(operations, task, origin);
      const before = latest.get(key);
      const running = (before === undefined ? start() : before.then(start)).catch(() => FAILED);
      latest.set(key, running);
      return running;
    }),
  );
}

async function carryOutOne(operations: Operations, task: PeerTask, origin: Origin): Promise<Done> {
  const { appName, id, lastDirtyTimestamp: dirty, overriddenStatus, status } = task;
  switch (task.action) {
    case "Heartbeat":
      return operations.heartbeat(appName, id, { lastDirtyTimestamp: dirty, overriddenStatus }, origin);
    case "Register":
      return task.instanceInfo === undefined ? UNREADABLE : operations.register(task.instanceInfo, appName, origin);
    case "Cancel":
      return operations.cancel(appName, id, origin);
    case "StatusUpdate":
      return status === undefined
        ? FAILED
        : operations.change(appName, id, { kind: "override", status, dirty }, origin);
    case "DeleteStatusOverride":
      return operations.change(appName, id, { kind: "no-override", status, dirty }, origin);
  }
}
