#!/usr/bin/env bash
# Pack what gpu/job.py needs on a machine without a network.
#
#   bash gpu/pack.sh [--data FOLDER] [--python 3.12] [--no-wheels] [OUT]
#
# FOLDER (default: $DATA_ROOT) contains faces/lfw_grey/*.jpg, faces/youtube_colour/*.jpg and torchvision/MNIST/raw/.
# --python is the version on the other machine. OUT (default: gpu/packed, ignored by git) is replaced.
set -euo pipefail
cd "$(dirname "$0")/.."

# Imports of the job that a machine with torch, torchvision, transformers, accelerate and safetensors may lack.
WHEELS="diffusers importlib-metadata zipp
    pydantic pydantic-core annotated-types typing-inspection typing-extensions ruamel-yaml
    pytest pluggy iniconfig pygments packaging hypothesis sortedcontainers"
LIMIT=60 # MiB

fail() {
    echo "error: $1" >&2
    exit 1
}

data=${DATA_ROOT:-} python_version=3.12 wheels=yes out=gpu/packed
while [ $# -gt 0 ]; do
    case $1 in
    --data) data=${2:?--data needs a folder}; shift ;;
    --python) python_version=${2:?--python needs a version}; shift ;;
    --no-wheels) wheels=no ;;
    -*) fail "found $1, allowed: --data FOLDER, --python VERSION, --no-wheels" ;;
    *) out=$1 ;;
    esac
    shift
done

[ -n "$data" ] || fail "no data: give --data FOLDER or set DATA_ROOT"
data=$(realpath -m "$data")
for set in lfw_grey youtube_colour; do
    [ -n "$(find "$data/faces/$set" -name '*.jpg' -print -quit 2>/dev/null)" ] || fail "$data/faces/$set: no .jpg found"
done

rm -rf "$out"
mkdir -p "$out"
out=$(realpath "$out")

# The files are packed unchanged: another encoding does not make 64×64 JPEGs smaller.
(cd "$data/faces" && python -m zipfile -c "$out/faces.zip" lfw_grey youtube_colour)

mnist=$data/torchvision/MNIST/raw
if [ -f "$mnist/train-images-idx3-ubyte" ]; then
    gzip -9 --no-name -c "$mnist/train-images-idx3-ubyte" >"$out/mnist.gz"
else
    echo "$mnist/train-images-idx3-ubyte: not found; the digits part trains on random images, at the same speed"
fi

# The profiles: paper for loops and digits, pretrain for faces.
python - "$out" <<'PYTHON'
import sys
from pathlib import Path

from ruamel.yaml import YAML

from difflab.setup.profiles import compose

for profile in ("paper", "pretrain"):
    YAML().dump(compose(profile, []), Path(sys.argv[1], f"{profile}.yaml"))
PYTHON

if [ $wheels = yes ]; then
    python -m pip --version >/dev/null 2>&1 || fail "python -m pip: not found in $(command -v python)"
    requirements=()
    for name in $WHEELS; do
        line=$(grep "^$name==" requirements.lock) || fail "requirements.lock: $name not found"
        requirements+=("${line%% *}")
    done
    platforms=()
    for platform in manylinux_2_28 manylinux_2_27 manylinux_2_17 manylinux2014 manylinux1; do
        platforms+=(--platform "${platform}_x86_64")
    done
    python -m pip download --quiet --no-deps --only-binary=:all: --implementation cp --python-version "$python_version" \
        "${platforms[@]}" --dest "$out/wheels" "${requirements[@]}" || fail "pip download failed"
fi

du -ab --max-depth=1 "$out" | sort -n | awk '{printf "%8.2f MiB  %s\n", $1 / 1048576, $2}'
size=$(du -sb "$out" | cut -f1)
[ "$size" -le $((LIMIT * 1048576)) ] || fail "$out is larger than $LIMIT MiB"
