/** What decisions go by. */
import type { Logger } from "pino";
import { LIMITS_DEFAULT } from "../../around/accounts/limits.ts";
import { type Settled, settleLayouts } from "../../around/layouts.ts";
import type { Access, Plans, Registry, Rules } from "../../core/index.ts";
import type { ServeConfig } from "../config/load.ts";
import { createLayout, createLayouts } from "../layouts.ts";
import { openRoom } from "./room.ts";

/** What decisions go by, how much there may be, and what brings the store to the layouts of the configuration. */
export function openRules(
  config: ServeConfig,
  /** As they are at each time: accounts are opened, and dialects loaded, after what asks for rules. */
  state: { readonly access: Access | null; readonly plans: Plans },
  log: Logger,
) {
  const room = openRoom(config.store);
  const layouts = createLayouts(config.layouts);
  const rules: Rules = {
    limits: (account) => state.access?.limitsOf(account) ?? LIMITS_DEFAULT,
    bytesMax: room.bytesMax,
    layouts: (account) => layouts.get(account) ?? [],
    get plans() {
      return state.plans;
    },
  };
  const tell = ({ on, refused, why, ...which }: Settled): void => {
    log.info(which, on ? "the layout is on" : "the layout is off");
    if (refused > 0) log.warn({ ...which, refused, why }, "the layout left out what was refused");
  };
  /** An agent's layouts are those of its registry, which has both faces already. */
  const settle = async (registry: Registry): Promise<void> => {
    if (config.replicator !== "upstream") await settleLayouts({ registry, layouts, make: createLayout, tell });
  };
  return { rules, room, settle };
}
