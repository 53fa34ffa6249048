// The SDK with nothing but a DSN.
import * as Sentry from "@sentry/browser";

Sentry.init({ dsn: settings.dsn });
globalThis.Sentry = Sentry;
