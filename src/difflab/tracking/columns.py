"""The columns of MLflow's table of runs: the headline measurements of claims.yaml.

MLflow stores the columns that a user has chosen in the browser, and views shared by link in a tag of the experiment.
There is no setting for the default columns, so `difflab track` prints the link of a shared view.
"""

from __future__ import annotations

import json

from difflab.history.claims import FILE, load_claims
from difflab.tracking.runs import allowed_name
from difflab.tracking.store import Store

VIEW = "headline"
TAG = f"mlflow.sharedViewState.{VIEW}"


def share_columns(store: Store) -> str:
    """Store the view in the experiment; returns the part of a link that selects it, "" if there is no claims.yaml."""
    if not FILE.exists():
        return ""
    names = [allowed_name(f"{file}/{path}") for file, paths in load_claims().headline.items() for path in paths]
    view = json.dumps({"selectedColumns": [f"metrics.`{name}`" for name in names]})
    if store.client.get_experiment(store.experiment_id).tags.get(TAG) != view:
        store.client.set_experiment_tag(store.experiment_id, TAG, view)
    return f"&viewStateShareKey={VIEW}"
