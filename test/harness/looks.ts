/** How much of an account is looked at. */
import type { AccountFacts } from "../../packages/registry/src/core/index.ts";

/** The account, and how many services and instances were come by in lists of all. */
export function countLooks<A extends AccountFacts>(account: A): { readonly account: A; looked(): number } {
  let looked = 0;
  function* counted<T>(all: Iterable<T>): Iterable<T> {
    for (const one of all) {
      looked++;
      yield one;
    }
  }
  const lists: Partial<AccountFacts> = {
    services: (from) => counted(account.services(from)),
    instances: (fromId) => counted(account.instances(fromId)),
  };
  const watched = new Proxy(account, {
    get(target, name) {
      const found = Reflect.get(lists, name) ?? Reflect.get(target, name, target);
      return typeof found === "function" ? found.bind(target) : found;
    },
  });
  return { account: watched, looked: () => looked };
}
