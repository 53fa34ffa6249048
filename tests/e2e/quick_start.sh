#!/usr/bin/env bash
# Runs the quick start of README in a clean clone with an empty home folder, then the demo, the smoke test and the tests.
set -euo pipefail
unset MAKEFLAGS MAKELEVEL MFLAGS # as if make were started by hand
set -m # `make dev` gets its own process group, as in a terminal, and can be interrupted

source=$(cd "$(dirname "$0")/../.." && pwd)
place=$(mktemp -d)
dev=
started=$SECONDS

step() { printf '\n%3d:%02d  %s\n' $(((SECONDS - started) / 60)) $(((SECONDS - started) % 60)) "$1"; }

leave() {
  local code=$?
  set +e # clean up the rest even if a command fails
  if [[ -n $dev ]]; then
    kill -INT -- "-$dev" 2>/dev/null
    wait "$dev"
  fi
  [[ -d $place/monitoring ]] && make -C "$place/monitoring" reset >/dev/null 2>&1
  rm -rf "$place"
  exit "$code"
}
trap leave EXIT

# Prints the fenced block of README that contains a text.
readme_block() {
  awk -v text="$1" '/^```/ { if (open && index(block, text)) { printf "%s", block; exit } open = !open; block = ""; next }
    open { block = block $0 "\n" }' "${2:-README.md}"
}

export HOME=$place/home
mkdir "$HOME"
git clone -q "$source" "$place/monitoring"
cd "$place/monitoring"

step "make dev, with an empty home and no caches"
make dev >"$place/dev.log" 2>&1 &
dev=$!
until [[ -e .local/dev.env ]]; do
  kill -0 "$dev" 2>/dev/null || { cat "$place/dev.log"; exit 1; }
  sleep 0.2
done
grep -E ' s$|^Ready' "$place/dev.log"

step "README's curl"
readme_block '/api/autonomous/error"' >"$place/curl.sh"
bash -euo pipefail "$place/curl.sh" | tee "$place/curl.out"
grep -q '"success":true' "$place/curl.out"

step "The status page in Chromium"
if chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome); then
  "$chromium" --headless --no-sandbox --disable-dev-shm-usage --disable-gpu --disable-quic --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync --user-data-dir="$place/browser" \
    --dump-dom "$(sed -n 's/^APP_URL=//p' .local/dev.env)/status" \
    >"$place/page.html" 2>"$place/browser.log"
  grep -o '<title>.*</title>' "$place/page.html"
  grep -q 'id="targets-title"' "$place/page.html"
else
  echo "Skipped: Chromium is not installed (apt install chromium)."
fi

step "make demo"
make demo

step "The pages of the demo"
app=$(sed -n 's/^APP_URL=//p' .local/dev.env)
token=$(sed -n 's/^OPERATOR_TOKEN=//p' .local/dev.env)
for page in status incidents targets/checkout; do
  curl -fsS -H "Accept: text/html" -H "Authorization: Bearer $token" "$app/$page" >"$place/page.html"
  grep -o -m 1 '^ *<title>[^<]*</title>' "$place/page.html" # charts have titles too
done

step "python -m app.smoke"
readme_block 'app.smoke "$APP_URL"' docs/deploy.md >"$place/smoke.sh"
bash -euo pipefail "$place/smoke.sh"

step "Ctrl-C"
kill -INT -- "-$dev"
wait "$dev" || true
dev=
tail -1 "$place/dev.log"
[[ ! -e .local/dev.env ]]

step "make test"
make test

step "Done."
