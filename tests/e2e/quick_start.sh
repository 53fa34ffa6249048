#!/usr/bin/env bash
# A stranger's walk: a fresh clone in an empty home folder, and README's way from there, to the last test.
set -euo pipefail
unset MAKEFLAGS MAKELEVEL MFLAGS # a stranger's make is nobody's child
set -m # `make dev` gets a process group of its own, as in a terminal, and can be interrupted

source=$(cd "$(dirname "$0")/../.." && pwd)
place=$(mktemp -d)
dev=
started=$SECONDS

step() { printf '\n%3d:%02d  %s\n' $(((SECONDS - started) / 60)) $(((SECONDS - started) % 60)) "$1"; }

leave() {
  local code=$?
  set +e # whatever fails here, the rest is cleaned up
  if [[ -n $dev ]]; then
    kill -INT -- "-$dev" 2>/dev/null
    wait "$dev"
  fi
  [[ -d $place/monitoring ]] && make -C "$place/monitoring" reset >/dev/null 2>&1
  rm -rf "$place"
  exit "$code"
}
trap leave EXIT

# The fenced block of README that holds a text.
readme_block() {
  awk -v text="$1" '/^```/ { if (open && index(block, text)) { printf "%s", block; exit } open = !open; block = ""; next }
    open { block = block $0 "\n" }' README.md
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
  echo "Not looked at: there is no Chromium here (apt install chromium)."
fi

step "make demo"
make demo

step "python -m app.smoke"
readme_block 'python -m app.smoke' >"$place/smoke.sh"
bash -euo pipefail "$place/smoke.sh"

step "Ctrl-C"
kill -INT -- "-$dev"
wait "$dev" || true
dev=
tail -1 "$place/dev.log"
[[ ! -e .local/dev.env ]]

step "make test"
make test

step "The walk is done."
