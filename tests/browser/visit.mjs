// Opens pages of the service in Chromium. Reads the options of each visit from a line of JSON, and prints, in one line of
// JSON, what a test wants to know about the page. Signs in by keyboard before that, if there is someone to sign in, and
// takes the steps: pairs of a verb and its argument.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { launch, require } from "./launch.mjs";

const axe = readFileSync(require.resolve("axe-core"), "utf8");
const TAB_LIMIT = 600;

// The name of an element as assistive technology says it, as far as these pages need it.
const nameOfFocused = () => {
  const { activeElement: element } = document;
  const labels = [...(element.labels ?? [])].map((label) => label.textContent);
  const name = element.getAttribute("aria-label") ?? (labels.length ? labels.join(" ") : element.textContent);
  return name.replace(/\s+/g, " ").trim();
};

// Texts that cannot be read: cut off, beyond their picture, or on top of each other.
const findUnreadable = () => {
  const found = [];
  // Also hidden are those that only screen readers say, in a box of a pixel or clipped away.
  const isClipped = (element) => {
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    return style.clipPath !== "none" || (style.overflowX !== "visible" && box.width <= 2 && box.height <= 2);
  };
  const isShown = (element) => {
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) return false;
    for (let each = element; each && each !== document.body; each = each.parentElement) if (isClipped(each)) return false;
    return true;
  };
  const describe = (element) => `<${element.tagName.toLowerCase()} class="${element.getAttribute("class") ?? ""}">`;
  const overlap = (a, b) =>
    Math.min(Math.min(a.right, b.right) - Math.max(a.left, b.left), Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));
  for (const svg of document.querySelectorAll("svg")) {
    if (getComputedStyle(svg).overflowX === "visible") continue;
    const box = svg.getBoundingClientRect();
    for (const text of [...svg.querySelectorAll("text")].filter(isShown)) {
      const rect = text.getBoundingClientRect();
      const isInside =
        rect.left >= box.left - 1 && rect.right <= box.right + 1 && rect.top >= box.top - 1 && rect.bottom <= box.bottom + 1;
      if (!isInside) found.push(`beyond its picture: ${text.textContent}`);
    }
  }
  const places = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !isShown(element) || ["SCRIPT", "STYLE", "NOSCRIPT", "TITLE", "OPTION"].includes(element.tagName))
      continue;
    const style = getComputedStyle(element);
    const isCut = ["hidden", "clip"].includes(style.overflowX);
    // Three dots say that something is missing.
    if (isCut && style.textOverflow !== "ellipsis" && element.clientWidth && element.scrollWidth > element.clientWidth + 1)
      found.push(`cut off in ${describe(element)}: ${node.data.trim()}`);
    const range = document.createRange();
    range.selectNodeContents(node);
    const end = isCut ? element.getBoundingClientRect().right : Infinity;
    for (const { left, top, right, bottom } of range.getClientRects()) {
      const rect = { left, top, right: Math.min(right, end), bottom };
      if (rect.right - left >= 2 && bottom - top >= 2) places.push({ node, rect });
    }
  }
  places.sort((a, b) => a.rect.top - b.rect.top);
  places.forEach(({ node, rect }, index) => {
    for (let next = index + 1; next < places.length && places[next].rect.top < rect.bottom; next++) {
      const other = places[next];
      if (other.node !== node && overlap(rect, other.rect) > 4)
        found.push(`on top of each other: ${node.data.trim()} / ${other.node.data.trim()}`);
    }
  });
  return found;
};

const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

const visit = async (browser, options) => {
  const context = await browser.newContext({
    viewport: { width: options.width, height: options.width < 600 ? 844 : 800 },
    colorScheme: options.scheme,
    reducedMotion: options.screenshot ? "reduce" : "no-preference",
    javaScriptEnabled: options.hasScripts,
    timezoneId: options.timezone,
    storageState: options.state ?? undefined,
  });
  context.setDefaultTimeout(options.timeout);
  const page = await context.newPage();
  const requests = [];
  const errors = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(String(error)));
  if (options.steps.length && options.hasScripts) await page.clock.install();
  const results = [];
  const verbs = {
    // Lets the test do something else until it sends a line.
    pause: async () => {
      console.log(JSON.stringify({ isPaused: true }));
      await input.next();
    },
    goto: (url) => page.goto(new URL(url, options.url).href),
    wait: (seconds) => page.clock.fastForward(seconds * 1000),
    see: (text) => page.getByText(text).first().waitFor(),
    missing: (text) => page.getByText(text).first().waitFor({ state: "detached" }),
    // Not waitForFunction(), which needs the page's own clock.
    until: async (script) => {
      while (!(await page.evaluate(script))) await new Promise((resolve) => setTimeout(resolve, 50));
    },
    // As for a printer, or back: print, screen.
    media: (media) => page.emulateMedia({ media }),
    evaluate: async (script) => results.push(await page.evaluate(script)),
    type: ([label, text]) => page.getByLabel(label).pressSequentially(text),

    // By keyboard only.
    tabTo: async (name) => {
      const passed = [];
      for (let count = 0; count < TAB_LIMIT; count++) {
        await page.keyboard.press("Tab");
        const focused = await page.evaluate(nameOfFocused);
        if (focused === name || (name.endsWith("…") && focused.startsWith(name.slice(0, -1)))) return;
        passed.push(focused.slice(0, 40));
      }
      throw new Error(`Tab never reaches ${name}, but ${[...new Set(passed)].join(" | ")}`);
    },
    press: (key) => page.keyboard.press(key),
    enter: (text) => page.keyboard.type(text),
    // The key that sends a form, or follows a link.
    submit: async () => {
      const loaded = page.waitForEvent("load");
      await page.keyboard.press("Enter");
      await loaded;
    },

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
  const take = async (steps) => {
    for (const [verb, argument] of steps) await verbs[verb](argument);
  };
  await page.goto(options.url);
  if (options.signIn) {
    await take(options.signIn);
    await page.goto(options.url);
  }
  await take(options.steps);
  if (options.saveState) await context.storageState({ path: options.saveState });
  const snapshot = await page.evaluate(() => ({
    url: location.href,
    title: document.title,
    text: document.body.innerText,
    isTooWide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
    reloads: document.querySelector("meta[http-equiv=refresh]") !== null,
    warnings: [...document.querySelectorAll("#warnings .warning")].map((each) => each.textContent.trim()),
    background: getComputedStyle(document.body).backgroundColor,
  }));
  snapshot.counts = await page.evaluate(
    (selectors) => Object.fromEntries(selectors.map((each) => [each, document.querySelectorAll(each).length])),
    options.counted,
  );
  snapshot.unreadable = await page.evaluate(findUnreadable);
  let violations = [];
  if (options.hasScripts) {
    // axe-core is a script itself.
    await page.evaluate(axe);
    ({ violations } = await page.evaluate(
      "axe.run(document, { resultTypes: ['violations'], rules: { 'target-size': { enabled: true } } })",
    ));
  }
  if (options.screenshot) {
    // Replace what changes every second, so that unchanged pages give unchanged pictures.
    await page.evaluate(() => {
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node; node = walker.nextNode())
        node.data = node.data.replace(/\b\d+ s ago/g, "a moment ago").replace(/answered in \d+ ms/, "answered in 5 ms");
      const updated = document.querySelector(".updated");
      if (updated) updated.textContent = "As of now";
    });
    await page.screenshot({ path: options.screenshot, fullPage: true });
  }
  const findings = violations.map(({ id, nodes }) => ({ id, nodes: nodes.map((node) => node.html.slice(0, 200)) }));
  await page.unrouteAll({ behavior: "ignoreErrors" });
  await context.close();
  return { ...snapshot, results, requests, errors, violations: findings };
};

const browser = await launch();
try {
  for (let line = await input.next(); !line.done; line = await input.next()) {
    const answer = await visit(browser, JSON.parse(line.value)).catch((error) => ({ failure: String(error.stack) }));
    console.log(JSON.stringify(answer));
  }
} finally {
  await browser.close();
}
