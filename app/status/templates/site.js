// Times in the reader's zone, and parts of a page that are fetched again every 30 seconds. Without scripts times are in UTC, and
// the browser reloads pages that want it.
const INTERVAL_MS = 30_000;
const TIMEOUT_MS = 15_000;
const warnings = document.querySelector("#warnings");
// Swedish, because that is ISO 8601: 2026-11-27 13:00.
const zoned = new Intl.DateTimeFormat("sv", { dateStyle: "short", timeStyle: "short" });
let isRefreshing = false;

// The text of a time is UTC, as is its data-utc, which is shown on focus and hover.
function localize(root) {
  for (const time of root.querySelectorAll("time[data-utc]")) {
    const local = zoned.format(new Date(time.dateTime));
    if ("relative" in time.dataset) time.dataset.utc = `${local} (${time.dataset.utc})`;
    else time.textContent = local;
  }
}

// What the server folded out. What the reader has changed since is kept when the part is fetched again.
function noteFolds(root) {
  for (const details of root.querySelectorAll("details")) details.dataset.given = details.open;
}

const isSignedIn = (page) => "reader" in page.body.dataset;
const hasUnsentText = (parts) =>
  parts.some((part) =>
    [...part.querySelectorAll("input:not([type=hidden]), textarea")].some((field) => field.value !== field.defaultValue),
  );

// What an element is called, so that it is found again in the fresh page.
const nameOf = (element) =>
  element.id || (element.type === "radio" && element.value) || element.getAttribute("href") || element.getAttribute("name") || element.textContent.trim();
const findIn = (part, element) =>
  [...part.querySelectorAll(element.tagName)].find((each) => nameOf(each) === nameOf(element));

// Replaces a part, but keeps the focus, what the reader folded out or in, and the day that was chosen in a chart.
function replacePart(part, fresh) {
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  for (const details of part.querySelectorAll("details")) {
    if (String(details.open) === details.dataset.given) continue;
    const summary = details.querySelector("summary");
    const same = details.id ? findIn(fresh, details) : summary && findIn(fresh, summary)?.parentElement;
    if (same) same.open = details.open;
  }
  for (const radio of part.querySelectorAll("input[type=radio]:checked:not([checked])")) {
    const same = [...fresh.querySelectorAll("input[type=radio]")].find(
      (each) => each.name === radio.name && each.value === radio.value,
    );
    if (same) same.checked = true;
  }
  const same = focused && (focused === part ? fresh : findIn(fresh, focused));
  part.replaceWith(fresh);
  // What had the focus may be gone, such as a resolved incident: the keyboard then goes on from the start of <main>.
  if (focused) (same || document.querySelector("main")).focus({ preventScroll: true });
}

// A warning is announced when it changes, so it is changed only if it has to be. The age is not announced.
function sayStale(reason) {
  const time = document.querySelector(".updated time");
  let stale = document.querySelector("#stale");
  if (stale?.dataset.reason !== reason) {
    stale?.remove();
    stale = document.createElement("p");
    stale.id = "stale";
    stale.className = "warning";
    stale.dataset.reason = reason;
    stale.textContent = `This page is not current: ${reason}`;
    if (time) stale.append(` It shows the state of ${time.textContent.trim()}`);
    stale.append(Object.assign(document.createElement("span"), { ariaLive: "off" }), time ? "." : "");
    warnings.prepend(stale);
    document.title = document.title.replace(/^.*(?= \| )/, "⚠ Not current");
  }
  const minutes = time ? Math.floor((Date.now() - new Date(time.dateTime)) / 60_000) : 0;
  stale.querySelector("span").textContent = minutes < 1 ? "" : `, ${minutes} min ago`;
}

function show(page) {
  const { scrollX, scrollY } = window;
  const fresh = page.querySelector("#warnings");
  noteFolds(page);
  localize(page);
  if (warnings.innerHTML.trim() !== fresh.innerHTML.trim()) warnings.replaceChildren(...fresh.childNodes);
  for (const part of document.querySelectorAll("[data-refresh]")) {
    const same = page.getElementById(part.id);
    if (same) replacePart(part, same);
  }
  document.querySelector("link[rel=icon]").href = page.querySelector("link[rel=icon]").href;
  document.title = page.title;
  window.scrollTo(scrollX, scrollY);
}

async function refresh() {
  const parts = [...document.querySelectorAll("[data-refresh]")];
  if (document.hidden || isRefreshing || !parts.length) return;
  isRefreshing = true;
  try {
    const response = await fetch(location.pathname + location.search, {
      headers: { Accept: "text/html" }, signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (page.querySelector("#warnings") === null) throw new Error("the response is not a page of this service");
    // After a sign-in or sign-out in another tab, more than these parts has changed.
    const isReloadNeeded = isSignedIn(page) !== isSignedIn(document);
    if (hasUnsentText(isReloadNeeded ? [document] : parts)) {
      sayStale("a form contains text that was not sent. Send or delete it.");
    } else if (isReloadNeeded) {
      location.reload();
    } else {
      show(page);
    }
  } catch {
    sayStale("the service does not answer. The page tries again every 30 seconds.");
  } finally {
    isRefreshing = false;
  }
}

noteFolds(document);
localize(document);
setInterval(refresh, INTERVAL_MS);
// A hidden page is not refreshed, so it may be hours old when it is seen again.
document.addEventListener("visibilitychange", refresh);
