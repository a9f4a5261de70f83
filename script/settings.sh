# Settings by environment, shared by the scripts beside this file (docs/configuration.md lists them).
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export DP_STATE_DIR=${DP_STATE_DIR:-$root/var}
export DP_BUILD_DIR=${DP_BUILD_DIR:-$root/build}
python=/usr/bin/python3 # Debian's: the one its packages are installed for

# build <directory> <cmake options…>: configures once, then builds what changed (of $build_targets, if that is set).
build() {
    local directory=$1
    shift
    [ -f "$directory/CMakeCache.txt" ] || cmake -S "$root" -B "$directory" "$@" >"$directory.configure.log" 2>&1 ||
        { cat "$directory.configure.log"; exit 1; }
    cmake --build "$directory" --parallel "$(nproc)" ${build_targets:+--target $build_targets} -- --no-print-directory -s
}
