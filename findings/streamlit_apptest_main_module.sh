#!/usr/bin/env bash
# Streamlit 1.67.0: AppTest.run() puts the app's script in the place of the interpreter's main module and leaves it there. A
# process that the same interpreter spawns later (multiprocessing's "spawn" or "forkserver", a ProcessPoolExecutor) prepares
# itself by running that script: an app that reads its settings ends the new process, and the pool is broken. One would guess
# that a test harness restores what it replaces, or that another test's workers know nothing of it.
# Seen: the main module's file is the app's after the run; the worker prints the app's line before it answers.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check 'streamlit==1.67.0'
cat > "$place/app.py" <<'PY'
import streamlit

print("the app runs", flush=True)
streamlit.write("hello")
PY
cat > "$place/later.py" <<'PY'
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from streamlit.testing.v1 import AppTest

if __name__ == "__main__":
    AppTest.from_file(sys.argv[1]).run()
    print("main module:", sys.modules["__main__"].__file__.rsplit("/", 1)[1], flush=True)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        print("worker:", pool.submit(abs, -1).result(), flush=True)
PY
seen=$("$place/venv/bin/python" "$place/later.py" "$place/app.py" 2> /dev/null)
echo "$seen"
expected=$'the app runs\nmain module: app.py\nthe app runs\nworker: 1'
[ "$seen" = "$expected" ]
