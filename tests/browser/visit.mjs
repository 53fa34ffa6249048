// Visits a page of the service in Chromium with the options in argv (JSON), and prints the structure of the page as JSON.
// After it has signed in, if there is a token, it takes the steps: pairs of a verb and its argument.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { launch, options, require } from "./launch.mjs";

const axe = readFileSync(require.resolve("axe-core"), "utf8");

const browser = await launch();
try {
  const context = await browser.newContext({
    viewport: { width: options.width, height: 800 },
    colorScheme: options.scheme,
    javaScriptEnabled: options.hasScripts,
  });
  context.setDefaultTimeout(options.timeout);
  const page = await context.newPage();
  const requests = [];
  const errors = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(String(error)));
  if (options.steps.length) await page.clock.install();
  await page.goto(options.url);
  if (options.token) {
    // By keyboard only: from the link at the top to the form, and Enter.
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    await page.keyboard.type(options.token);
    await page.keyboard.press("Enter");
    await page.waitForLoadState();
    await page.getByText(options.expect).first().waitFor();
  }
  const results = [];
  const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const verbs = {
    // Lets the test do something else until it sends a line.
    pause: async () => {
      console.error("ready");
      await input.next();
    },
    wait: (seconds) => page.clock.fastForward(seconds * 1000),
    see: (text) => page.getByText(text).first().waitFor(),
    missing: (text) => page.getByText(text).first().waitFor({ state: "detached" }),
    // Not waitForFunction(), which needs the page's own clock.
    until: async (script) => {
      while (!(await page.evaluate(script))) await new Promise((resolve) => setTimeout(resolve, 50));
    },
    evaluate: async (script) => results.push(await page.evaluate(script)),
    type: ([label, text]) => page.getByLabel(label).pressSequentially(text),
    // What a platform answers during a deployment.
    badGateway: () =>
      page.route("**/status", (route) => route.fulfill({ status: 502, body: "Bad gateway" }), { times: 1 }),
    // From now on the service's pages have this in <main>, as its next version may.
    insert: (html) =>
      page.route("**/status", async (route) => {
        const response = await route.fetch();
        await route.fulfill({ response, body: (await response.text()).replace(/<main[^>]*>/, `$&${html}`) });
      }),
    reload: () => page.reload(),
    signOutElsewhere: () => context.clearCookies(),
  };
  for (const [verb, argument] of options.steps) await verbs[verb](argument);
  const snapshot = await page.evaluate(() => ({
    title: document.title,
    text: document.body.innerText,
    bars: [...document.querySelectorAll(".days svg")].map((svg) => svg.querySelectorAll("rect").length),
    lines: document.querySelectorAll(".latency polyline").length,
    isTooWide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
    reloads: document.querySelector("meta[http-equiv=refresh]") !== null,
    warnings: [...document.querySelectorAll("#warnings .warning")].map((each) => each.textContent.trim()),
    background: getComputedStyle(document.body).backgroundColor,
  }));
  let violations = [];
  if (options.hasScripts) {
    // axe-core is a script itself.
    await page.evaluate(axe);
    ({ violations } = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })"));
  }
  if (options.screenshot) {
    // Replace what changes every second, so that unchanged pages give unchanged pictures.
    await page.evaluate(() => {
      for (const element of document.querySelectorAll(".parts .facts, .name .facts")) {
        element.textContent = element.textContent
          .replace(/\b\d+ s ago/g, "a moment ago")
          .replace(/answered in \d+ ms/, "answered in 5 ms");
      }
      document.querySelector(".updated").textContent = "As of now";
    });
    await page.screenshot({ path: options.screenshot, fullPage: true });
  }
  const findings = violations.map(({ id, nodes }) => ({ id, nodes: nodes.map((node) => node.html.slice(0, 200)) }));
  console.log(JSON.stringify({ ...snapshot, results, requests, errors, violations: findings }));
  process.stdin.destroy();
  await page.unrouteAll({ behavior: "ignoreErrors" });
} finally {
  await browser.close();
}
