/** Names of topics and channels. */

/** At most 64 of these signs, with `#ephemeral` behind them for one that goes with its last producer. */
const NAME = /^[.a-zA-Z0-9_-]+(#ephemeral)?$/;
const LENGTH_MAX = 64;
const EPHEMERAL = "#ephemeral";

export function isLegal(name: string): boolean {
  return name.length > 0 && name.length <= LENGTH_MAX && NAME.test(name);
}

export function isEphemeral(name: string): boolean {
  return name.endsWith(EPHEMERAL);
}
