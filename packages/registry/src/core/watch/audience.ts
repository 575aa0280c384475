/** Finds the crowds that a commit concerns, by what their scopes ask for. */
import { type Account, type Bytes, type Change, type Commit, subjectOf } from "../types.ts";
import type { Crowd } from "./crowd.ts";
import { concerns, isEverything, keyInScope } from "./scope.ts";

type Tell = (crowd: Crowd, commit: Commit) => void;

/** The crowds of one account. */
class Places {
  readonly everything = new Set<Crowd>();
  readonly anyService = new Set<Crowd>();
  readonly services = new Map<string, Set<Crowd>>();
  readonly keys = new Map<Bytes, Set<Crowd>>();
  readonly ranges = new Set<Crowd>();
}

export class Audience {
  readonly #accounts = new Map<Account, Places>();
  readonly #allAccounts = new Set<Crowd>();

  add(crowd: Crowd): void {
    this.#eachPlace(crowd, (set) => set.add(crowd));
  }

  remove(crowd: Crowd): void {
    this.#eachPlace(crowd, (set) => set.delete(crowd));
  }

  /** A crowd may be told several times of a commit that has several changes. */
  tell(commit: Commit, tell: Tell): void {
    const places = this.#accounts.get(commit.account);
    if (places !== undefined) {
      for (const crowd of places.everything) tell(crowd, commit);
      for (const change of commit.changes) tellChange(places, change, commit, tell);
    }
    for (const crowd of this.#allAccounts) if (concerns(crowd.scope, commit)) tell(crowd, commit);
  }

  #eachPlace({ scope }: Crowd, act: (set: Set<Crowd>) => void): void {
    const { account, services, anyService, keys } = scope;
    if (account === undefined) {
      act(this.#allAccounts);
      return;
    }
    const places = this.#accounts.get(account) ?? new Places();
    this.#accounts.set(account, places);
    if (isEverything(scope)) act(places.everything);
    if (anyService === true) act(places.anyService);
    for (const service of services ?? []) actOn(places.services, service, act);
    if (keys !== undefined) {
      if (keys.to === undefined) actOn(places.keys, keys.from, act);
      else act(places.ranges);
    }
  }
}

function tellChange(places: Places, change: Change, commit: Commit, tell: Tell): void {
  if (change.kind === "instance") {
    for (const crowd of places.anyService) tell(crowd, commit);
    tellService(places, change.after?.service, commit, tell);
    if (change.before?.service !== change.after?.service) tellService(places, change.before?.service, commit, tell);
  } else if (change.kind === "key") {
    const { key } = subjectOf(change);
    for (const crowd of places.keys.get(key) ?? []) tell(crowd, commit);
    for (const crowd of places.ranges) if (keyInScope(crowd.scope, key)) tell(crowd, commit);
  }
}

function tellService(places: Places, service: string | undefined, commit: Commit, tell: Tell): void {
  if (service === undefined) return;
  const crowds = places.services.get(service);
  if (crowds !== undefined) for (const crowd of crowds) tell(crowd, commit);
}

/** Runs `act` on the set at `key`; sets that are empty afterwards are not kept. */
function actOn(places: Map<string, Set<Crowd>>, key: string, act: (set: Set<Crowd>) => void): void {
  const set = places.get(key) ?? new Set();
  act(set);
  if (set.size > 0) places.set(key, set);
  else places.delete(key);
}
