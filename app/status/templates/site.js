// Refreshes the page every 30 seconds, and says at the top when it cannot. Without scripts the browser reloads it instead.
const INTERVAL_MS = 30_000;
const TIMEOUT_MS = 15_000;
const warnings = document.querySelector("#warnings");
let isRefreshing = false;

const isSignedIn = (page) => page.querySelector("#sign-in") === null;
const hasUnsentText = (part) =>
  [...part.querySelectorAll("input, textarea")].some((field) => field.value !== field.defaultValue);

// What an element is called, so that it is found again in the fresh page.
const nameOf = (element) =>
  element.id || element.getAttribute("href") || element.getAttribute("name") || element.textContent.trim();
const findIn = (main, element) =>
  [...main.querySelectorAll(element.tagName)].find((each) => nameOf(each) === nameOf(element));

// Replaces <main>, but keeps the focus, what is folded out, and how far the page is scrolled.
function replaceMain(fresh) {
  const main = document.querySelector("main");
  const focused = main.contains(document.activeElement) ? document.activeElement : null;
  const left = window.scrollX;
  const top = window.scrollY;
  for (const details of main.querySelectorAll("details[open]")) {
    const same = details.querySelector("summary") && findIn(fresh, details.querySelector("summary"));
    if (same) same.parentElement.open = true;
  }
  const same = focused && findIn(fresh, focused);
  main.replaceWith(fresh);
  // What had the focus may be gone, such as a resolved incident: the keyboard then goes on from the start of <main>.
  if (focused) (same || fresh).focus({ preventScroll: true });
  window.scrollTo(left, top);
}

// A warning is announced when it changes, so it is changed only if it has to be. The age is not announced.
function sayStale(reason) {
  const time = document.querySelector(".updated time");
  const minutes = Math.floor((Date.now() - new Date(time.dateTime)) / 60_000);
  let stale = document.querySelector("#stale");
  if (stale?.dataset.reason !== reason) {
    stale?.remove();
    stale = document.createElement("p");
    stale.id = "stale";
    stale.className = "warning";
    stale.dataset.reason = reason;
    stale.textContent = `This page is not current: ${reason} It shows the state of ${time.textContent.trim()}`;
    stale.append(Object.assign(document.createElement("span"), { ariaLive: "off" }), ".");
    warnings.prepend(stale);
    document.title = "⚠ Not current | Status";
  }
  stale.querySelector("span").textContent = minutes < 1 ? "" : `, ${minutes} min ago`;
}

function show(page) {
  const fresh = page.querySelector("#warnings");
  if (warnings.innerHTML.trim() !== fresh.innerHTML.trim()) warnings.replaceChildren(...fresh.childNodes);
  replaceMain(page.querySelector("main"));
  document.title = page.title;
}

async function refresh() {
  if (document.hidden || isRefreshing) return;
  isRefreshing = true;
  try {
    const response = await fetch(location.pathname, {
      headers: { Accept: "text/html" }, signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (page.querySelector("#warnings") === null) throw new Error("the response is not the status page");
    // After a sign-in or sign-out in another tab, more than <main> has changed.
    const isReloadNeeded = isSignedIn(page) !== isSignedIn(document);
    if (hasUnsentText(isReloadNeeded ? document : document.querySelector("main"))) {
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

setInterval(refresh, INTERVAL_MS);
// A hidden page is not refreshed, so it may be hours old when it is seen again.
document.addEventListener("visibilitychange", refresh);
