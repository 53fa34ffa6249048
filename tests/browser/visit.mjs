// Looks at the status page in Chromium, as the JSON in argv tells, and prints what it saw as JSON.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.env.NODE_MODULES}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core"), "utf8");
const order = JSON.parse(process.argv[2]);

const browser = await chromium.launch({
  executablePath: order.chromium,
  args: [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
try {
  const context = await browser.newContext({
    viewport: { width: order.width, height: 800 },
    colorScheme: order.scheme,
    javaScriptEnabled: order.hasScripts,
  });
  const page = await context.newPage();
  const requests = [];
  const errors = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(String(error)));
  if (order.waitFor || order.isSignedOutElsewhere) await page.clock.install();
  await page.goto(order.url);
  if (order.token) {
    // By keyboard alone: from the link at the top to the form, and Enter.
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    await page.keyboard.type(order.token);
    await page.keyboard.press("Enter");
    await page.waitForLoadState();
    await page.getByText(order.expect).first().waitFor();
  }
  if (order.waitFor) {
    console.error("ready");
    await new Promise((resolve) => process.stdin.resume().once("end", resolve));
    // What a platform says while a deployment goes on; the page must get over it.
    await page.route("**/status", (route) => route.fulfill({ status: 502, body: "Bad gateway" }), { times: 1 });
    await page.clock.fastForward(31_000);
    await page.getByText("the service does not answer").waitFor();
    await page.clock.fastForward(31_000);
    await page.getByText(order.waitFor).waitFor();
  }
  if (order.isSignedOutElsewhere) {
    await context.clearCookies();
    await page.clock.fastForward(31_000);
    await page.getByLabel("Supabase access token").waitFor();
  }
  const seen = await page.evaluate(() => ({
    title: document.title,
    text: document.body.innerText,
    bars: [...document.querySelectorAll(".days svg")].map((svg) => svg.querySelectorAll("rect").length),
    lines: document.querySelectorAll(".latency polyline").length,
    isTooWide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
    reloads: document.querySelector("meta[http-equiv=refresh]") !== null,
    background: getComputedStyle(document.body).backgroundColor,
  }));
  let violations = [];
  if (order.hasScripts) {
    // axe-core is a script itself.
    await page.evaluate(axe);
    ({ violations } = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })"));
  }
  if (order.screenshot) {
    // What differs from second to second would make every run another picture.
    await page.evaluate(() => {
      for (const element of document.querySelectorAll(".parts .facts, .name .facts")) {
        element.textContent = element.textContent
          .replace(/\b\d+ s ago/g, "a moment ago")
          .replace(/answered in \d+ ms/, "answered in 5 ms");
      }
      document.querySelector(".updated").textContent = "As of now";
    });
    await page.screenshot({ path: order.screenshot, fullPage: true });
  }
  const findings = violations.map(({ id, nodes }) => ({ id, nodes: nodes.map((node) => node.html.slice(0, 200)) }));
  console.log(JSON.stringify({ ...seen, requests, errors, violations: findings }));
} finally {
  await browser.close();
}
