# Sourced by the other scripts: `prepare EXTRA` makes .venv in the repository, installs the package
# with that extra at the versions of constraints.txt, and puts .venv first on PATH. Quick when
# nothing changed since.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

prepare() {
    local python="${PYTHON:-python3}" wanted
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        echo "$python is older than Python 3.11; name a newer one: PYTHON=python3.12 $0" >&2
        exit 2
    }
    [ -x .venv/bin/python ] || "$python" -m venv .venv
    wanted="$1 $(cat pyproject.toml constraints.txt | cksum)"
    if [ "$(cat ".venv/installed$1" 2>/dev/null)" != "$wanted" ]; then
        echo "installing imbclf$1 into .venv (some minutes the first time)"
        .venv/bin/python -m pip install --quiet --constraint constraints.txt --editable ".$1"
        echo "$wanted" >".venv/installed$1"
    fi
    PATH="$PWD/.venv/bin:$PATH"
}
