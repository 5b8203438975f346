"""A shop's own exports into the CRM store, by a column map, once and once only."""

from vefa.crm.importers.map_files import find_map, load_map, map_names
from vefa.crm.importers.maps import ImportMap
from vefa.crm.importers.runs import Progress, run_import
from vefa.crm.importers.summary import ImportSummary, TargetSummary

__all__ = [
    "ImportMap",
    "ImportSummary",
    "Progress",
    "TargetSummary",
    "find_map",
    "load_map",
    "map_names",
    "run_import",
]
