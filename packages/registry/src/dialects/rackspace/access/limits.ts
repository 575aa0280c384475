/** GET /limits. */
import type { Answer, Call, Desk } from "../desk.ts";

export function getLimits({ quotas }: Desk, { used }: Call): Answer {
  return {
    status: 200,
    body: {
      resource: {
        session: quotas.sessionsMax,
        service: quotas.servicesMax,
        configuration_value: quotas.valuesMax,
      },
      rate: { "/.*": { limit: quotas.requestsPerDayMax, used, window: "24.0 hours" } },
    },
  };
}
