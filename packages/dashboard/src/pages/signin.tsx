/** Sign in: one field. As a page, and as a question over the page when the registry refuses the token. */
import { createClient, RollcallError } from "@rollcall/client";
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { navigate, place, query } from "../data/router.ts";
import { account, isAsked, signIn, who } from "../data/session.ts";
import { pathTo } from "../model/places.ts";
import { Card } from "../parts/card.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Shape } from "../parts/shape.tsx";

function Form({ done, cancel }: { done: () => void; cancel?: () => void }): JSX.Element {
  const field = useRef<HTMLInputElement>(null);
  const [isKept, setKept] = useState(true);
  const [wrong, setWrong] = useState("");
  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    const secret = field.current?.value.trim() ?? "";
    if (secret === "") return setWrong("Enter a token.");
    try {
      await createClient({ url: location.origin, account: account.value, token: secret }).status();
      signIn(secret, isKept);
      done();
    } catch (error) {
      const told = error instanceof RollcallError ? error : undefined;
      setWrong(told?.status === 401 ? "The registry does not know this token." : (told?.detail ?? String(error)));
    }
  }
  return (
    <form class="spaced" onSubmit={(event) => void submit(event)}>
      <label>
        Token
        <input
          ref={field}
          type="password"
          autocomplete="off"
          spellcheck={false}
          style={{ width: "100%" }}
          aria-describedby="token-wrong"
        />
      </label>
      <p id="token-wrong" class="critical-text" role="alert">
        {wrong === "" ? null : (
          <>
            <Shape name="critical" /> {wrong}
          </>
        )}
      </p>
      <label class="row">
        <input type="checkbox" checked={isKept} onChange={(event) => setKept(event.currentTarget.checked)} />
        Keep it in this tab only (forgotten when the tab closes)
      </label>
      <div class="row">
        <button type="submit" class="button primary">
          Sign in
        </button>
        {cancel === undefined ? null : (
          <button type="button" class="button plain" onClick={cancel}>
            Not now
          </button>
        )}
        <span class="second small">It is sent to this registry only.</span>
      </div>
    </form>
  );
}

/** Over the page: what was open stays, and goes on afterwards. */
export function Ask(): JSX.Element | null {
  if (!isAsked.value || place.value.page === "signin") return null;
  const close = () => {
    isAsked.value = false;
  };
  return (
    <Dialog title="The registry wants a token" onClose={close}>
      <p class="second">The page stays as it is, and goes on once you are signed in.</p>
      <Form done={close} cancel={close} />
    </Dialog>
  );
}

export function SignIn(): JSX.Element {
  const to = query.value.get("to") ?? "";
  return (
    <div class="stack narrow">
      <h1>Sign in</h1>
      <Card>
        {who.value?.open === true ? <p>No tokens are set up: nobody needs to sign in.</p> : null}
        <Form done={() => navigate(to.startsWith("/ui") ? to : pathTo(account.value))} />
      </Card>
    </div>
  );
}
