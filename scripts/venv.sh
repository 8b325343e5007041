# Sourced by the other scripts. `prepare EXTRA` makes a virtual environment in the repository,
# installs the package with that extra at the versions of a file, and puts it first on PATH. Quick
# when nothing changed since. Set before, if others are wanted: PYTHON (the interpreter), VENV (the
# folder), CONSTRAINTS (the file).
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
VENV="${VENV:-.venv}"
CONSTRAINTS="${CONSTRAINTS:-constraints.txt}"

prepare() {
    local wanted
    make_venv
    wanted="$1 $(cat pyproject.toml "$CONSTRAINTS" | cksum)"
    if [ "$(cat "$VENV/installed$1" 2>/dev/null)" != "$wanted" ]; then
        echo "installing imbclf$1 into $VENV (some minutes the first time)"
        "$VENV/bin/python" -m pip install --quiet --no-compile --constraint "$CONSTRAINTS" --editable ".$1"
        # On all cores, where pip takes one file after the other; some are templates, no Python.
        "$VENV/bin/python" -m compileall -qq -j 0 "$VENV/lib" || true
        echo "$wanted" >"$VENV/installed$1"
    fi
    PATH="$PWD/$VENV/bin:$PATH"
}

make_venv() {
    local python="${PYTHON:-python3}"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        echo "$python is older than Python 3.11; name a newer one: PYTHON=python3.12 $0" >&2
        exit 2
    }
    [ -x "$VENV/bin/python" ] || "$python" -m venv "$VENV"
}

# Install PyTorch without CUDA; `prepare` keeps it. TORCH: requirements for pip in place of uv's
# choice, such as two wheels on disk. Both must be CPU builds: torchvision is built for one torch.
prepare_cpu_torch() {
    make_venv
    if ! "$VENV/bin/python" -c 'import torch, sys; sys.exit(torch.version.cuda is not None)' 2>/dev/null; then
        echo "installing PyTorch for CPUs into $VENV"
        if [ -n "${TORCH:-}" ]; then
            read -ra wanted <<<"$TORCH"
            "$VENV/bin/python" -m pip install --quiet "${wanted[@]}"
        else
            "$VENV/bin/python" -m pip install --quiet uv
            "$VENV/bin/python" -m uv pip install --quiet --python "$VENV/bin/python" \
                --torch-backend cpu --constraint constraints.txt torch torchvision || {
                echo "the index of CPU builds could not be used; give two wheels of it with TORCH=," \
                    "or do without --cpu" >&2
                exit 2
            }
        fi
    fi
    "$VENV/bin/python" -c 'import torchvision' 2>/dev/null || {
        echo "torchvision in $VENV does not fit its torch; take both from the same index of CPU builds" >&2
        exit 2
    }
    grep -vE '^(torch|torchvision|triton|nvidia-.*|cuda-.*)==' constraints.txt >"$VENV/constraints.txt"
    CONSTRAINTS="$VENV/constraints.txt"
}

# Print the path of an interpreter, by its version: `find_python 3.13`.
find_python() {
    local found
    found="$(command -v "python$1")" && "$found" -c '' 2>/dev/null && echo "$found" && return
    for found in "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
        [ -x "$found" ] && echo "$found" && return
    done
    echo "there is no Python $1 on PATH or below ~/.pyenv" >&2
    return 2
}
