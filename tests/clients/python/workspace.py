"""What all scripts share: a client of one simulated workspace, from the command line."""

import argparse
import json
import pathlib

from databricks.sdk import WorkspaceClient
from databricks.sdk.config import Config
from databricks.sdk.version import __version__


def of(site: dict) -> WorkspaceClient:
    """A client of a workspace as `twinlake sim -o json` describes it."""
    config = Config(
        host=site["url"],
        token=site["token"],
        auth_type="pat",
        retry_timeout_seconds=30,
        http_timeout_seconds=30,
    )
    return WorkspaceClient(config=config)


def from_arguments(*names: str, description: str | None = None) -> list[WorkspaceClient]:
    """One client for each workspace of that name in the account whose JSON the first argument names."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("account", type=pathlib.Path, help="what `twinlake sim -o json` printed")
    account = json.loads(parser.parse_args().account.read_text())
    sites = {site["name"]: site for site in account["workspaces"]}
    print(f"databricks-sdk {__version__}", flush=True)
    return [of(sites[name]) for name in names]
