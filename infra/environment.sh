# For the scripts of this folder, which source it: Python tools, pinned with their hashes, in an environment of their own.
# The script has a function `fail`.

# Outside the checkout, so that a fresh clone does not install the tools again.
readonly tools="${SCATTER_GATHER_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/scatter-gather/tools}"

# environment NAME REQUIREMENTS SIZE: sets `environment` to a directory with those tools, and installs them if they are not
# there. One for each state of the pinned versions: a changed pin is a new one.
environment() {
    local name="$1" requirements="$2" size="$3" state
    command -v python3 > /dev/null || fail "python3 is not there; install Python 3.10 or later (Debian: apt-get install python3 python3-venv)"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || fail "$(python3 --version) is too old; install Python 3.10 or later"
    state="$(python3 -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read() + sys.version.encode()).hexdigest()[:12])' "$requirements")"
    environment="$tools/$name-$state"
    [ ! -e "$environment/complete" ] || return 0
    printf '%s: installing the tools of %s into %s (some %s, once)\n' "$0" "$requirements" "$environment" "$size"
    rm -rf "$environment"
    mkdir -p "$tools"
    python3 -m venv "$environment" || fail "python3 cannot make a virtual environment; install venv (Debian: apt-get install python3-venv)"
    "$environment/bin/pip" install --quiet --disable-pip-version-check --require-hashes --requirement "$requirements" ||
        fail "the tools of $requirements could not be installed; a package index must be reachable the first time"
    touch "$environment/complete"
}
