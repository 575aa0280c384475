/** What agents are sent, as schemas. Records, commits and commands are the core's own, of the version that sends them. */
import Type from "typebox";

const count = Type.Integer({ minimum: 0 });
const fixed = { additionalProperties: false };
const CopyHead = Type.Object({ line: Type.String(), revision: count, accountRevision: count }, fixed);

const Copied = Type.Object(
  {
    line: Type.String(),
    revision: count,
    position: Type.String(),
    isWhole: Type.Boolean(),
    account: Type.Object(
      {
        createdAtMs: Type.Number(),
        revision: count,
        catalogRevision: count,
        keysRevision: count,
        services: Type.Array(
          Type.Object(
            { name: Type.String(), revision: count, changedAtMs: Type.Number(), lostAtMs: Type.Number() },
            fixed,
          ),
        ),
      },
      fixed,
    ),
    rows: Type.Array(Type.Unknown()),
  },
  fixed,
);

export const STORED = {
  Copy: Type.Union([Copied, CopyHead]),
  Forward: Type.Object({ command: Type.Unknown() }, fixed),
  Forwarded: Type.Object({ commit: Type.Unknown(), revision: count, result: Type.Unknown(), head: CopyHead }, fixed),
};
