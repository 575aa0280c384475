/** The clock of this process, and what it has to say. */
import type { Logger } from "pino";
import { HouseClock } from "../../around/clock.ts";
import { type Core, TICK_MS } from "../../core/index.ts";
import { toSpan } from "../terminal/output.ts";

export function openClock(log: Logger, onJump: () => void): HouseClock {
  const sources = { wall: () => Date.now(), monotonic: () => performance.now() };
  return new HouseClock(sources, {
    onJump(byMs) {
      onJump();
      log.warn({ byMs }, `the system's clock jumped ${sayJump(byMs)}; leases, holds and history go on as they were`);
    },
    onFollowed: (byMs) => log.info({ byMs }, `times shown follow the system's clock: ${sayJump(byMs)}`),
  });
}

/** Time goes on until the returned function is called. */
export function keepTime(clock: HouseClock, core: Core): () => void {
  const ticking = setInterval(() => {
    clock.look();
    core.tick();
  }, TICK_MS);
  return () => clearInterval(ticking);
}

function sayJump(byMs: number): string {
  const span = toSpan(Math.round(Math.abs(byMs) / 1000) * 1000);
  return `${span} ${byMs < 0 ? "back" : "ahead"}`;
}
