/**
 * From a command in an account to changes, or to a refusal. Pure: state, command, limits and time are arguments.
 */
import { type Outcome, ok, refuse } from "../../outcome.ts";
import { isReserved, SYSTEM_ACCOUNT } from "../bytes.ts";
import { ownString } from "../catalog/share.ts";
import type { Command, Decision, Result } from "../command.ts";
import { isLegalAccount, LIMITS } from "../limits.ts";
import type { Facts } from "../ports.ts";
import type { Account, Change, KeyRecord } from "../types.ts";
import { Draft } from "./draft.ts";
import { firstBrokenGuard } from "./guard.ts";
import { decideDeregister, decideOverride, decideRegister, decideReport } from "./instance.ts";
import { decideEnd, decideGrant, decideHold, decideRelease } from "./lease.ts";
import { changed, NOTHING, type Rules, type Setting, type Stamp } from "./setting.ts";

export function decide(
  facts: Facts,
  account: Account,
  command: Command,
  stamp: Stamp,
  rules: Rules,
): Outcome<Decision> {
  if (!isLegalAccount(account) && account !== SYSTEM_ACCOUNT) {
    return refuse("invalid", `not a legal account name: ${account.slice(0, 80)}`);
  }
  return decideStep({ facts, account, stamp, limits: rules.limits(account) }, command);
}

function decideStep(setting: Setting, command: Command): Outcome<Decision> {
  switch (command.kind) {
    case "register":
      return decideRegister(setting, command);
    case "deregister":
      return decideDeregister(setting, command);
    case "report":
      return decideReport(setting, command);
    case "override":
      return decideOverride(setting, command);
    case "grant":
      return decideGrant(setting, command);
    case "end":
      return decideEnd(setting, command);
    case "hold":
      return decideHold(setting, command);
    case "release":
      return decideRelease(setting, command);
    case "put":
      return decidePut(setting, command);
    case "delete":
      return decideDelete(setting, command);
    case "range":
      return decideRange(setting, command);
    case "when":
      return decideWhen(setting, command);
  }
}

function decidePut(setting: Setting, command: Extract<Command, { kind: "put" }>): Outcome<Decision> {
  const { facts, account, stamp, limits } = setting;
  const { key, value } = command;
  if (key === "") return refuse("invalid", "the key is empty");
  if (key.length > LIMITS.keyBytesMax) return refuse("too-large", `the key is longer than ${LIMITS.keyBytesMax} bytes`);
  if (value.length > LIMITS.valueBytesMax)
    return refuse("too-large", `the value is longer than ${LIMITS.valueBytesMax} bytes`);
  const lease = command.lease ?? null;
  if (lease !== null && facts.lease(account, lease) === undefined)
    return refuse("not-found", `there is no lease ${lease}`);
  const before = facts.entry(account, key) ?? null;
  if (before === null && !isReserved(key) && facts.counts(account).keys >= limits.keysMax) {
    return refuse("limit", `the account may have ${limits.keysMax} keys`);
  }
  const after: KeyRecord = {
    key: before?.key ?? ownString(key),
    value,
    lease,
    version: (before?.version ?? 0) + 1,
    createRevision: before?.createRevision ?? stamp.revision,
    modRevision: stamp.revision,
    stampMs: stamp.atMs,
    origin: stamp.origin,
  };
  return changed([{ kind: "key", cause: "put", before, after }]);
}

function decideDelete(setting: Setting, command: Extract<Command, { kind: "delete" }>): Outcome<Decision> {
  const { facts, account } = setting;
  const { from, to } = command;
  if (to === undefined) {
    const before = facts.entry(account, from);
    return before === undefined ? NOTHING : changed([{ kind: "key", cause: "deleted", before, after: null }]);
  }
  const changes: Change[] = [];
  for (const before of facts.entries(account, from, to)) {
    if (changes.length >= LIMITS.changesMax) return refuse("too-large", `more than ${LIMITS.changesMax} keys at once`);
    changes.push({ kind: "key", cause: "deleted", before, after: null });
  }
  return changed(changes);
}

function decideRange(setting: Setting, command: Extract<Command, { kind: "range" }>): Outcome<Decision> {
  const { facts, account } = setting;
  const { from, to } = command;
  const entries: KeyRecord[] = [];
  let count = 0;
  const limit = Math.min(command.limit ?? LIMITS.changesMax, LIMITS.changesMax);
  if (to === undefined) {
    const record = facts.entry(account, from);
    if (record !== undefined) entries.push(record);
    count = entries.length;
  } else {
    for (const record of facts.entries(account, from, to)) if (++count <= limit) entries.push(record);
  }
  return ok({ changes: [], result: { kind: "range", entries, count, more: count > entries.length } });
}

function decideWhen(setting: Setting, command: Extract<Command, { kind: "when" }>): Outcome<Decision> {
  const size = command.guards.length + command.then.length + command.otherwise.length;
  if (size > LIMITS.transactionCommandsMax)
    return refuse("too-large", `more than ${LIMITS.transactionCommandsMax} steps in a transaction`);
  const { facts, account, stamp } = setting;
  const succeeded = firstBrokenGuard(facts, account, command.guards) === -1;
  const steps = succeeded ? command.then : command.otherwise;
  const draft = new Draft(facts);
  const changes: Change[] = [];
  const results: Result[] = [];
  for (const step of steps) {
    const decided = decideStep({ ...setting, facts: draft }, step);
    if (!decided.ok) return decided;
    if (changes.length + decided.value.changes.length > LIMITS.changesMax) {
      return refuse("too-large", `more than ${LIMITS.changesMax} changes in a transaction`);
    }
    draft.fold(account, decided.value.changes, stamp.revision);
    changes.push(...decided.value.changes);
    results.push(decided.value.result);
  }
  return ok({ changes, result: { kind: "when", succeeded, results } });
}
