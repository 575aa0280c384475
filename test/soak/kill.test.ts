/** The kill test, long: 2 000 kills, with history so short that it is trimmed all the time. */
import { test } from "node:test";
import { killAndCheck } from "../program/kill-load.ts";

const KILLS = Number(process.env.SOAK_KILLS ?? 2000);

test(`${KILLS} kills under load lose nothing`, { timeout: 10 * 3600 * 1000 }, async (t) => {
  const ledger = await killAndCheck(t, {
    kills: KILLS,
    verifyEvery: 1,
    flags: ["--events-bytes-max", "1MiB"],
    onRound: (round, { writes, revision }) => {
      if (round % 50 === 0) t.diagnostic(`${round} kills, ${writes} acknowledged writes, revision ${revision}`);
    },
  });
  t.diagnostic(`${ledger.writes} acknowledged writes in all`);
});
