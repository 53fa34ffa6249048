// Starts Chromium with the options in argv (JSON), for the scripts that tests run.
import { createRequire } from "node:module";

export const require = createRequire(`${process.env.NODE_MODULES}/`);
export const options = JSON.parse(process.argv[2]);

const { chromium } = require("playwright-core");

export const launch = () =>
  chromium.launch({
    executablePath: options.chromium,
    timeout: options.timeout,
    args: [
      "--no-sandbox",
      "--disable-dev-shm-usage",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      // A host that is not this machine for the browser: without https it gets no Sec-Fetch-Site.
      "--host-resolver-rules=MAP status.example 127.0.0.1",
    ],
  });
