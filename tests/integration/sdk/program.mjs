// A program with Sentry's SDK for Node and no more than a DSN: node program.mjs <dsn> <name> <scenario>.
// `name` occurs in every message and in the release, so that a test finds what the program reported.
import { createRequire } from "node:module";

const require = createRequire(`${process.env.NODE_MODULES}/`);
const Sentry = require("@sentry/node");
const [dsn, name, scenario] = process.argv.slice(2);

const withFingerprint = (fingerprint, text) =>
  Sentry.withScope((scope) => {
    scope.setFingerprint(fingerprint);
    Sentry.captureMessage(text, "error");
  });

const scenarios = {
  handled() {
    Sentry.setUser({ id: "user-42", email: "jane@example.com", ip_address: "10.1.2.3" });
    Sentry.setTag("tenant", "acme");
    for (let number = 0; number < 30; number++) Sentry.addBreadcrumb({ category: "cart", message: `step ${number}` });
    Sentry.captureException(new TypeError(`${name} could not be priced`));
  },
  unhandled() {
    setImmediate(() => {
      throw new RangeError(`${name} ended at once`);
    });
    return new Promise(() => setInterval(() => {}, 1000));
  },
  rejection() {
    Promise.reject(new Error(`${name} was rejected`));
    return new Promise((resolve) => setTimeout(resolve, 300));
  },
  chained() {
    const cause = new Error(`${name} refused the connection`);
    Sentry.captureException(new TypeError(`${name} has no cart`, { cause }));
  },
  message() {
    Sentry.captureMessage(`${name} is nearly full`, "warning");
  },
  fingerprints() {
    for (const text of ["first", "second"]) withFingerprint(["checkout", name], `${name} ${text} way to say it`);
  },
  default_fingerprints() {
    for (const region of ["europe", "asia", "europe"]) withFingerprint(["{{ default }}", region], `${name} is slow`);
  },
  large() {
    for (let number = 0; number < 100; number++) {
      Sentry.addBreadcrumb({ category: "query", message: `${number} ${"select 1 ".repeat(400)}` });
    }
    Sentry.captureMessage(`${name} with a long story`, "error");
  },
  check_in() {
    const checkInId = Sentry.captureCheckIn({ monitorSlug: name, status: "in_progress" });
    Sentry.captureCheckIn({ monitorSlug: name, checkInId, status: "ok", duration: 2.5 });
  },
  others() {
    Sentry.startSpan({ name, op: "task" }, () => {});
    Sentry.captureFeedback({ message: name });
  },
  async burst() {
    for (let number = 0; number < 1000; number++) {
      Sentry.captureMessage(`${name} failed for cart ${number}`, "error");
      if (number % 50 === 49) await Sentry.flush(60_000);
    }
  },
  async many_errors() {
    const letters = "klmnopqrst";
    for (let number = 0; number < 100; number++) {
      const word = letters[Math.floor(number / 10)].repeat(5) + letters[number % 10].repeat(5);
      Sentry.captureMessage(`${name} lost its ${word}`, "error");
      await Sentry.flush(60_000);
    }
  },
};

Sentry.init({ dsn, release: `${name}@1.2.3`, environment: "staging", tracesSampleRate: 1.0 });
await scenarios[scenario]();
await Sentry.flush(60_000);
process.exit(0);
