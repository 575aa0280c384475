/** @live Handler of explain. */
import { explainInstance } from "../../../native/catalog/history.ts";
import type { Result } from "../../../net/routes/serve.ts";
import { toJson } from "../answers.ts";
import type { Exchange } from "../desk.ts";

/** GET …/instances/:id/explain */
export async function explain({ desk, account, params }: Exchange): Promise<Result> {
  const key = { service: params[0] as string, id: params[1] as string };
  const explained = await explainInstance(desk, account, key);
  return explained.ok ? toJson(explained.value) : explained;
}
