// Opens pages in Chromium and takes the steps in argv (JSON): pairs of a verb and its argument. Prints as JSON what the
// scripts of the steps returned, and which requests were answered or failed.
import { createInterface } from "node:readline";
import { launch, options } from "./launch.mjs";

const browser = await launch();
try {
  const context = await browser.newContext();
  context.setDefaultTimeout(options.timeout);
  const answers = [];
  const failures = [];
  const results = [];
  context.on("response", (response) => answers.push([response.request().method(), response.url(), response.status()]));
  context.on("requestfailed", (request) => failures.push([request.method(), request.url()]));
  let page;
  let finishReports = async () => {};
  const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const verbs = {
    open: async (url) => {
      page = await context.newPage();
      await page.goto(url);
    },
    // The module of docs/browsers.md, for the page that the next step opens.
    openReporting: async ([module, url, settings]) => {
      page = await context.newPage();
      const { reportPageErrors } = await import(module);
      finishReports = reportPageErrors(page, settings);
      await page.goto(url);
    },
    evaluate: async (script) => results.push(await page.evaluate(script)),
    // Waits until a request for such an address has failed.
    failed: async (part) => {
      if (!failures.some(([, url]) => url.includes(part)))
        await context.waitForEvent("requestfailed", (request) => request.url().includes(part));
    },
    leave: () => page.goto("about:blank"),
    close: () => page.close({ runBeforeUnload: true }),
    finishReports: () => finishReports(),
    // Lets the test do something else until it sends a line.
    pause: async () => {
      console.error("ready");
      await input.next();
    },
  };
  for (const [verb, argument] of options.steps) await verbs[verb](argument);
  console.log(JSON.stringify({ results, answers, failures }));
  process.stdin.destroy();
} finally {
  await browser.close();
}
