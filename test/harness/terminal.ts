/** A terminal that nobody reads. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Scope } from "./scope.ts";

export interface Terminal {
  /** Path of the side that programs have. */
  readonly path: string;
  /** What closing the window does. */
  hangUp(): Promise<void>;
}

const HOLDER = "import os,pty,sys; m,s=pty.openpty(); print(os.ttyname(s),flush=True); os.close(s); sys.stdin.read()";

export async function openTerminal(scope: Scope): Promise<Terminal> {
  const holder = spawn("python3", ["-c", HOLDER], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(holder, "exit");
  const hangUp = async (): Promise<void> => {
    holder.kill("SIGKILL");
    await ended;
  };
  scope.after(hangUp);
  const [name] = (await once(holder.stdout, "data")) as [Buffer];
  return { path: name.toString().trim(), hangUp };
}
