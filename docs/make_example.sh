#!/usr/bin/env bash
# Copies the pages of a finished study to a folder that can be committed: pages, images and tables, without the records.
#
#   docs/make_example.sh results/demo docs/example
#
# Every link of the pages resolves, and none leads to a record. The table of samples is kept as Parquet alone: its CSV is larger than
# all else together.
set -euo pipefail
study=${1:?usage: make_example.sh STUDY TARGET} target=${2:?usage: make_example.sh STUDY TARGET}
python=${PYTHON:-python3}
scripts=$(cd "$(dirname "$0")/../scripts" && pwd)
rm -rf "$target"
mkdir -p "$target"
cp -r "$study/tables" "$study/plots" "$target"
"$python" "$scripts/write_report.py" --study "$study/study.json" --tables "$target/tables" --plots "$target/plots" \
    --datasets "$study/datasets" --output "$target/reports"
# Pages show the SVG, and hold the charts' specifications themselves.
find "$target/plots" -type f ! -name '*.svg' -delete
rm "$target/tables/samples.csv"
sed -i -e 's|\[samples\.csv\](\.\./tables/samples\.csv), ||' \
    -e 's|<a href="\.\./tables/samples\.csv">samples\.csv</a>, ||' "$target"/reports/index.md "$target"/reports/index.html
du -sh "$target"
