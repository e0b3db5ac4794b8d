#!/usr/bin/env bash
# fetch_llhttp.sh [FOLDER]: unpacks llhttp's sources from Debian's node-llhttp into
# build/third_party/llhttp. Does nothing if they are there.
#
# Rejected: installing the package, which brings in Node.js (118 MB) for three C files.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-build/third_party/llhttp}
is_complete() {
  [ -f "$1/usr/share/llhttp/llhttp.c" ] && [ -f "$1/usr/share/llhttp/api.c" ] &&
    [ -f "$1/usr/share/llhttp/http.c" ] && [ -f "$1/usr/share/include/llhttp/llhttp.h" ]
}
give_up() {
  echo "fetch_llhttp.sh: $1" >&2
  echo "  sluice::http needs the sources of llhttp 8.1. Unpack them anywhere and configure with" >&2
  echo "  -DSLUICE_LLHTTP_DIR=FOLDER, or leave HTTP out with -DSLUICE_HTTP=OFF." >&2
  exit 1
}

if is_complete "$folder"; then exit 0; fi
# There CMake looks for an installed one.
case $(uname -s) in Darwin | *BSD) exit 0 ;; esac
for tool in apt-get dpkg-deb; do
  command -v "$tool" >/dev/null || give_up "this is not a Debian system: there is no $tool"
done

mkdir -p "$(dirname "$folder")"
scratch=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
download() { (cd "$scratch" && apt-get download -q node-llhttp >download.log 2>&1); }
if ! download; then
  # The package lists may be missing or old.
  tools/install_deps.sh --update || true
  download || give_up "apt-get download node-llhttp failed: $(tail -n 3 "$scratch/download.log")"
fi
dpkg-deb -x "$scratch"/node-llhttp_*.deb "$scratch/unpacked"
is_complete "$scratch/unpacked" || give_up "node-llhttp does not hold the files it is known for"
# A rename, so that two builds at once do not see half a folder.
rm -rf "$folder"
mv "$scratch/unpacked" "$folder" 2>/dev/null || is_complete "$folder"
echo "llhttp is in $folder"
