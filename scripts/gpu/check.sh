#!/usr/bin/env bash
# Checks and measures the core on a machine with an NVIDIA GPU and no Node; `usage` says how.
set -uo pipefail

usage() {
  cat <<'TEXT'
usage: scripts/gpu/check.sh [--device cuda|cuda:N|cpu] [--quick] [--report FILE] [--build FOLDER]

Builds the core, its tests and its benchmark with the LibTorch in LIBTORCH, or else that of Python's torch (2.11 or
newer), compares the device with the processor, measures it beside the authors' code in Python, and writes a table.

  --device  what is checked (default: cuda); cpu is for trying this program out
  --quick   small images, few steps and one round: to see that everything runs
  --report  where the table in Markdown goes (default: report.md in the build's folder)
  --build   where everything is built (default: build/gpu)

LIBTORCH         a LibTorch, where Python's isn't to be taken
PYTHON           the Python that is asked for torch and runs the authors' code (default: python3)
DOCTEST_INCLUDE  a folder with doctest.h or doctest/doctest.h, where the compiler finds none; build/gpu may have one too

What fails is told and the rest goes on; the exit code is then 1.
TEXT
}

misused() {
  printf '%s\n\n' "$1" >&2
  usage >&2
  exit 2
}

give_up() {
  printf '%s\n' "$1" >&2
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

device=cuda quick='' report='' build=''
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage && exit ;;
    --quick) quick=yes ;;
    --device | --report | --build)
      [ $# -gt 1 ] || misused "Expected a value after $1."
      printf -v "${1#--}" '%s' "$2"
      shift
      ;;
    *) misused "There is no option '$1'." ;;
  esac
  shift
done
[[ $device =~ ^(cpu|cuda(:[0-9]+)?)$ ]] ||
  misused "Expected cuda, cuda:N or cpu for --device, but received '$device'."

scripts=$(cd "$(dirname "$0")" && pwd) root=$(cd "$(dirname "$0")/../.." && pwd)
build=${build:-$root/build/gpu}
mkdir -p "$build" && build=$(cd "$build" && pwd) || exit 1
report=${report:-$build/report.md}
mkdir -p "$(dirname "$report")" || exit 1
python=${PYTHON:-python3}
compiler=${CXX:-c++}

has cmake || give_up 'There is no cmake. Install it (apt-get install cmake, or pip install cmake).'
has "$compiler" || give_up "There is no C++ compiler '$compiler'. Install g++, or name yours in CXX."
has ninja || has make || give_up 'There is neither ninja nor make. Install one of them.'

libtorch=${LIBTORCH:-$("$python" -c 'import os, torch; print(os.path.dirname(torch.__file__))' 2>/dev/null)}
[ -n "$libtorch" ] ||
  give_up "There is no LibTorch: '$python' can't import torch. Install torch 2.11 or newer for it, name another Python in PYTHON, or a LibTorch in LIBTORCH."
version_header=$libtorch/include/torch/headeronly/version.h
version=$(sed -nE 's/^#define TORCH_VERSION_(MAJOR|MINOR|PATCH) ([0-9]+).*/\2/p' "$version_header" 2>/dev/null | paste -sd .)
[ -n "$version" ] ||
  give_up "'$libtorch' holds no LibTorch of 2.11 or newer: $version_header doesn't tell its version."
[ "$(printf '%s\n' 2.11 "$version" | sort -V | head -n 1)" = 2.11 ] ||
  give_up "LibTorch $version in '$libtorch' is too old. Expected 2.11 or newer."
[ "$device" = cpu ] || [ -e "$libtorch/lib/libtorch_cuda.so" ] ||
  give_up "LibTorch $version in '$libtorch' has no CUDA. Name another in LIBTORCH or PYTHON, or try --device cpu."

failed='' stages='' job=''
trap '[ -z "$job" ] || kill $job; exit 130' INT TERM
models=(resnet50 vgg16)
batches=1,4,16,64 precisions=float32,tf32 own=,bfloat16
workload=() steps=() patience=1
if [ "$device" = cpu ]; then precisions=float32 own='' patience=12; fi
if [ -n "$quick" ]; then
  models=(resnet50) batches=1,2 workload=(--size 32 --rounds 1) steps=(--steps 2)
fi

# stage NAME SECONDS COMMAND...: runs it for so long at most, or longer where there is no GPU. What it prints goes to
# NAME.log, whose end is shown if it fails.
stage() {
  local name=$1 limit=$(($2 * patience)) code=0 outcome=passed started=$SECONDS
  shift 2
  timeout --kill-after=5 "$limit" "$@" >"$build/$name.log" 2>&1 &
  job=$!
  wait $job || code=$?
  job=''
  [ $code -eq 0 ] || outcome="failed ($code)"
  [ $code -ne 124 ] || outcome="stopped after $limit s"
  printf '%s: %s, %s s\n' "$name" "$outcome" $((SECONDS - started))
  stages+="| $name | $((SECONDS - started)) | $outcome |"$'\n'
  if [ $code -ne 0 ]; then
    failed+=" $name"
    tail -n 25 "$build/$name.log" | sed 's/^/    /'
  fi
  return $code
}

# left_out NAME REASON: tells why a stage isn't run.
left_out() {
  printf '%s: left out: %s\n' "$1" "$2"
  stages+="| $1 | | left out: $2 |"$'\n'
}

compiles_doctest() {
  echo '#include <doctest/doctest.h>' | "$compiler" -x c++ -fsyntax-only - >/dev/null 2>&1
}

# Leaves the folder in which doctest/doctest.h lies in `doctest`, or nothing where the compiler finds it. Fails where
# there is none.
find_doctest() {
  local folder
  doctest=''
  for folder in ${DOCTEST_INCLUDE:+"$DOCTEST_INCLUDE"} "$build"; do
    [ ! -e "$folder/doctest/doctest.h" ] || { doctest=$folder && return; }
    [ ! -e "$folder/doctest.h" ] || {
      mkdir -p "$build/include/doctest" && cp "$folder/doctest.h" "$build/include/doctest/" || return
      doctest=$build/include
      return
    }
  done
  compiles_doctest && return
  [ "$(id -u)" = 0 ] && has apt-get && stage doctest 60 apt-get install -qy --no-install-recommends doctest-dev
  compiles_doctest
}

# Runs a program of the build, which finds NVIDIA's libraries where pip puts them.
built() {
  local libraries
  libraries=$(printf '%s:' "$libtorch"/lib "$libtorch"/../nvidia/*/lib)
  local name=$1 limit=$2 program=$3
  shift 3
  if [ ! -x "$build/$program" ]; then
    left_out "$name" "there is no $build/$program"
    return
  fi
  stage "$name" "$limit" env "LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:-}" "$build/$program" "$@" --device "$device"
}

build_all() {
  local settings=("-DLIBTORCH=$libtorch" -DCMAKE_BUILD_TYPE=Release) targets=(bench) generator=()
  if find_doctest; then
    targets+=(core_test)
    [ -z "$doctest" ] || settings+=("-DDOCTEST=$doctest")
  else
    echo "doctest isn't there: the tests are left out. Put doctest.h into $build, or name its folder in DOCTEST_INCLUDE."
  fi
  # What LibTorch itself needs of CUDA is looked for when it is loaded.
  [ ! -e "$libtorch/lib/libtorch_cuda.so" ] || settings+=('-DCMAKE_EXE_LINKER_FLAGS=-Wl,--allow-shlib-undefined')
  if has ninja && [ ! -e "$build/CMakeCache.txt" ]; then generator=(-G Ninja); fi
  stage configure 60 cmake -S "$root" -B "$build" ${generator[@]+"${generator[@]}"} "${settings[@]}" || return
  stage build 300 cmake --build "$build" --parallel "$(getconf _NPROCESSORS_ONLN)" --target "${targets[@]}"
}

machine() {
  local commit
  commit=$(git -C "$root" rev-parse --short HEAD 2>/dev/null)
  echo "- commit: ${commit:-unknown}, $(date -u +%Y-%m-%d)"
  echo "- LibTorch $version, device $device"
  echo "- processor: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1), $(getconf _NPROCESSORS_ONLN) cores"
  [ "$device" = cpu ] ||
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null | sed 's/^/- GPU, driver, memory: /'
}

write_report() {
  local logs=() name
  for name in authors per-sample readout degradation test; do
    [ ! -e "$build/$name.log" ] || logs+=("$build/$name.log")
  done
  {
    printf '# Measured by scripts/gpu/check.sh%s\n\n' "${quick:+ --quick, which says nothing of the speed}"
    machine
    printf '\n'
    awk -f "$scripts/report.awk" ${logs[@]+"${logs[@]}"} </dev/null
    printf '\n| stage | seconds | outcome |\n| --- | --- | --- |\n%s' "$stages"
  } >"$report" && echo "The table is in $report"
}

rm -f "$build"/{authors,per-sample,readout,degradation,test}.log
build_all
built test 200 core_test '--source-file=*/test/device/*'
built per-sample 150 bench per-sample "${models[@]}" --batch "$batches" --precision "$precisions$own" ${workload[@]+"${workload[@]}" "${steps[@]}"}
built readout 60 bench readout "${models[@]}" --precision "$precisions$own" ${workload[@]+"${workload[@]}"}
built degradation 30 bench degradation resnet50 --precision "$precisions$own" ${workload[@]+"${workload[@]}"}
stage authors 100 "$python" "$scripts/authors.py" "${models[@]}" --device "$device" --precision "$precisions" \
  ${workload[@]+"${workload[@]}" "${steps[@]}"}
write_report || failed+=' report'
printf 'In all: %s s\n' $SECONDS
[ -z "$failed" ] || give_up "Failed:$failed"
