// The ways in which a page breaks. Each message says which one it is.
function readPrice(order) {
  return order.item.price;
}

async function fetchOrder(id) {
  const answer = await fetch(`http://127.0.0.1:${settings.refusingPort}/orders/${id}`);
  return answer.json();
}

async function fetchFromAnotherOrigin() {
  // The other origin answers without Access-Control-Allow-Origin.
  const answer = await fetch(settings.otherOrigin);
  return answer.text();
}

globalThis.cases = {
  unhandled: () => readPrice({ item: undefined }),
  rejection: () => void Promise.reject(new RangeError("rejected: no stock is left")),
  rejectedObject: () => void Promise.reject({ reason: "voucher expired", voucher: "SPRING" }),
  rejectedText: () => void Promise.reject("no carrier serves this place"),
  failedFetch: () => void fetchOrder(7),
  corsFailure: () => void fetchFromAnotherOrigin(),

  // With the SDK.
  handled: () => {
    try {
      readPrice({});
    } catch (error) {
      error.message = "handled: the order has no item";
      Sentry.captureException(error);
    }
  },
  chained: () => {
    try {
      try {
        throw new TypeError("the price list is no array");
      } catch (cause) {
        throw new Error("chained: the cart cannot be shown", { cause });
      }
    } catch (error) {
      Sentry.captureException(error);
    }
  },
  logged: () => console.error("logged: the banner is missing"),
  described: () =>
    Sentry.withScope((scope) => {
      scope.setTag("checkout_step", "payment");
      scope.setUser({ id: "user-4711", email: "ann@shop.example", ip_address: "192.0.2.7" });
      scope.setLevel("warning");
      Sentry.captureException(new Error("described: the payment was declined"));
    }),
  grouped: () => {
    for (const message of ["grouped: the search is slow", "grouped: the search found nothing"]) {
      Sentry.withScope((scope) => {
        scope.setFingerprint(["shop", "search"]);
        Sentry.captureException(new Error(message));
      });
    }
  },
  groupedWithinDefault: () => {
    for (const tenant of ["north", "south"]) {
      Sentry.withScope((scope) => {
        scope.setFingerprint(["{{ default }}", tenant]);
        // The SDK drops an event that equals the one before it.
        Sentry.captureException(new Error("grouped within default: the export failed"), { extra: { tenant } });
      });
    }
  },
  large: () =>
    Sentry.withScope((scope) => {
      scope.setExtra("cart", "an item of the cart. ".repeat(15_000));
      Sentry.captureException(new Error("large: the cart has 300 kB"));
    }),

  // While the page closes.
  onClose: () => {
    addEventListener("pagehide", () => {
      Sentry.captureException(new Error(`closed: the order was not saved`));
    });
  },
  onHidden: () => {
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden") Sentry.captureException(new Error("hidden: the draft was not saved"));
    });
  },
};
