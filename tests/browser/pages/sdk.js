// The SDK as a team has it: only the DSN names this project.
import * as Sentry from "@sentry/browser";

Sentry.init({
  dsn: settings.dsn,
  release: "web@5.1.0",
  environment: "production",
  integrations: [Sentry.captureConsoleIntegration({ levels: ["error"] })],
});
globalThis.Sentry = Sentry;
