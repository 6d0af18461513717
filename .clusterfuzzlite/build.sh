#!/bin/bash -eu
# What does a fleet run, and from what does it start?
#
# Called by OSS-Fuzz and ClusterFuzzLite with SRC, where the code is, and OUT, where they look for targets, for
# TARGET_seed_corpus.zip and for TARGET.dict. CARGO_FUZZ_FLAGS: more for `cargo fuzz build`.

cd "$SRC/smolsock"
target=${CARGO_TARGET_DIR:-$PWD/fuzz/target}
# Without `--cfg fuzzing`, as the tests are: it makes smolsock's engine take every checksum for right.
# shellcheck disable=SC2086
cargo fuzz build -O --debug-assertions --no-cfg-fuzzing --target-dir "$target" ${CARGO_FUZZ_FLAGS:-}

for source in fuzz/fuzz_targets/*.rs; do
    name=$(basename "${source%.rs}")
    cp "$target/x86_64-unknown-linux-gnu/release/$name" "$OUT/"
    if [ -d "fuzz/corpus/$name" ]; then
        (cd "fuzz/corpus/$name" && zip -q -r "$OUT/${name}_seed_corpus.zip" .)
    fi
    if [ -f "fuzz/dictionaries/$name.dict" ]; then
        cp "fuzz/dictionaries/$name.dict" "$OUT/"
    fi
done
