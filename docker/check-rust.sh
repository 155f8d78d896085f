#!/bin/sh
# Checks that a Rust toolchain is here that can build this; installs nothing, since toolchains belong to their user.
set -eu

least=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
help="  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh      (or, with rustup: rustup update stable)"

command -v cargo >/dev/null || {
    printf 'No Rust toolchain: %s or newer is needed. To get one:\n%s\n' "$least" "$help" >&2
    exit 1
}
found=$(cargo --version | cut -d ' ' -f 2)
[ "$(printf '%s\n%s\n' "$least" "$found" | sort -V | head -n 1)" = "$least" ] || {
    printf 'Rust %s is too old: %s or newer is needed. To get one:\n%s\n' "$found" "$least" "$help" >&2
    exit 1
}
