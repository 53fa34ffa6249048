// The SDK with tracing, which adds the headers sentry-trace and baggage to requests of the page.
import * as Sentry from "@sentry/browser";

Sentry.init({
  dsn: settings.dsn,
  integrations: [Sentry.browserTracingIntegration()],
  tracesSampleRate: 1,
  tracePropagationTargets: [/.*/],
});
globalThis.Sentry = Sentry;
