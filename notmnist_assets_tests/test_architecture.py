"""Compares the pictures of docs/architecture.md with the code."""

from collections import defaultdict

from notmnist_assets.assets.sources import GROUP
from notmnist_assets.definitions import STAGES, defs
from notmnist_assets_tests.documents import documented_flow


def test_the_documented_flow_has_the_dependencies_of_the_graph() -> None:
    graph = defs.resolve_asset_graph()
    upstream: defaultdict[str, set[str]] = defaultdict(set)
    for key in graph.get_all_asset_keys():
        upstream[key.path[0]] |= {parent.path[0] for parent in graph.get(key).parent_keys} - {key.path[0]}
    assert documented_flow() == dict(upstream)


def test_the_documented_flow_has_the_order_of_the_definitions() -> None:
    order = list(documented_flow())
    assert order == [GROUP, *(stage.declarations[0].path[0] for stage in STAGES)]
    for stage, upstream in documented_flow().items():
        assert all(order.index(other) < order.index(stage) for other in upstream), stage
