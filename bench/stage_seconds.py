"""Write `bench/stage_seconds.csv` from the run records of this checkout: the last complete run of each stage with each
set of parameters.

A first run estimates its time from this file. Run the profiles to be covered before: cpu and smoke.
"""

import csv
import io

from difflab.history.dag import read_stages
from difflab.history.plan import REFERENCE, params_digest
from difflab.pipeline.dvc_repo import open_repo
from difflab.pipeline.files import atomic_write
from difflab.pipeline.run_records import read_records


def main() -> None:
    complete = [record for record in read_records() if record.status == "finished" and not record.resumed]
    names = {stage.command: stage.name for stage in read_stages(open_repo())}
    known = [record for record in complete if record.command in names]
    seconds = {(names[record.command], params_digest(record.params)): record.seconds for record in known}
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["stage", "params", "seconds"])
    rows.writerows((stage, params, f"{seconds[stage, params]:.1f}") for stage, params in sorted(seconds))
    with atomic_write(REFERENCE) as partial:
        partial.write_text(text.getvalue(), encoding="utf-8")
    print(f"{REFERENCE}: {len(seconds)} times of {len({stage for stage, _ in seconds})} stages")


if __name__ == "__main__":
    main()
