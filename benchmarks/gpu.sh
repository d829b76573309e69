#!/usr/bin/env bash
# What is to be measured on a GPU: correctness first, then speed against TRL on a random model of
# Qwen2.5-1.5B's shape. Writes JSON files into the folder given (default: gpu-figures).
#
#   make bench-trl-install && benchmarks/gpu.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."
OUT=${1:-gpu-figures}
PYTHON=${PYTHON:-.venv/bin/python}
TRL_PYTHON=${TRL_PYTHON:-.venv-trl/bin/python}
mkdir -p "$OUT"
"$PYTHON" -c 'import torch, sys; sys.exit("No GPU here." if not torch.cuda.is_available() else 0)'
"$PYTHON" -m pytest tests/test_cuda.py
[ -f "$OUT/model/config.json" ] || "$PYTHON" benchmarks/random_model.py "$OUT/model"
for shape in short medium long; do
  "$PYTHON" benchmarks/vs_trl.py --shape $shape --device cuda --model "$OUT/model" --trl-python "$TRL_PYTHON" \
    --json "$OUT/vs-trl-$shape.json"
done
"$PYTHON" benchmarks/scaling.py --device cuda --json "$OUT/scaling.json"
