/** What the agent tells of itself, and what this one has nothing of: coordinates and keys. */
import type { Run } from "../desk.ts";

export const stats: Run = ({ node, version, registry }, { account }) => {
  const [revision, instances] = registry.read((view): [number, number] => [
    view.revision,
    view.account(account)?.counts.instances ?? 0,
  ]);
  return {
    body: {
      agent: { name: node },
      runtime: { version: `rollcall ${version}` },
      serf: { members: String(instances), member_time: String(revision), encrypted: "false" },
      tags: {},
      event_handlers: {},
    },
  };
};

/** Nobody measures how far members are from each other. */
export const getCoordinate: Run = () => ({ body: NO_COORDINATE });

export const NO_COORDINATE = { Coord: null, Ok: false };

export const NO_KEYS = { Messages: {}, Keys: null, NumNodes: 0, NumErr: 0, NumResp: 0 };

/** As a cluster without encryption answers. */
export const keys: Run = ({ node }) => ({
  error: "1/1 nodes reported failure",
  body: {
    ...NO_KEYS,
    Messages: { [node]: "Keyring is empty (encryption not enabled)" },
    NumNodes: 1,
    NumErr: 1,
    NumResp: 1,
  },
});
