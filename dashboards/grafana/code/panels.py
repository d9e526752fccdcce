"""What the dashboards share: placing, colours, columns, links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from dashboards.grafana.code.names import LEVELS
from dashboards.grafana.code.query import source
from dashboards.grafana.code.sdk import (
    common,
    common_models,
    dashboard,
    models,
    stat,
    statetimeline,
    table,
    timeseries,
)
from dashboards.grafana.shipped import DATA_SOURCE_TYPE

ENTERPRISE_UID = "forewarn-enterprise"
GREEN, AMBER, RED = "#56A64B", "#FADE2A", "#E02F44"

AnyPanel = TypeVar("AnyPanel", stat.Panel, statetimeline.Panel, table.Panel, timeseries.Panel)


def board(uid: str, title: str, description: str, *, since: str, refresh: str) -> dashboard.Dashboard:
    """Return an empty dashboard that lets its reader choose the data source."""
    return (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["forewarn"])
        .time(since, "now")
        .refresh(refresh)
        .timezone("browser")
        .readonly()
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("datasource").label("数据源 data source").type(DATA_SOURCE_TYPE))
        .link(
            dashboard.DashboardLink("forewarn")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags(["forewarn"])
            .as_dropdown(True)
            .include_vars(False)
            .keep_time(True)
        )
    )


def place(x: int, y: int, w: int, h: int) -> models.GridPos:
    """Return a place on the grid of 24 columns."""
    return models.GridPos(h=h, w=w, x=x, y=y)


def value_map(texts: Mapping[str, str], colours: Mapping[str, str] | None = None) -> models.ValueMap:
    """Return a mapping of values to texts and, for some, colours."""
    shades = colours or {}
    return models.ValueMap(
        options={
            value: models.ValueMappingResult(text=text, color=shades.get(value), index=place)
            for place, (value, text) in enumerate(texts.items())
        }
    )


def level_names() -> models.ValueMap:
    """Map the names of levels to their texts and colours."""
    return value_map({shade.name: shade.text for shade in LEVELS}, {shade.name: shade.colour for shade in LEVELS})


def level_numbers() -> models.ValueMap:
    """Map 0 to 4 to the levels' texts and colours, for panels that can only draw numbers."""
    return value_map(
        {str(number): shade.text for number, shade in enumerate(LEVELS)},
        {str(number): shade.colour for number, shade in enumerate(LEVELS)},
    )


def steps(*rising: tuple[float | None, str]) -> dashboard.ThresholdsConfig:
    """Return thresholds: from each value on its colour; the first value is None."""
    return dashboard.ThresholdsConfig().steps([models.Threshold(value, colour) for value, colour in rising])


def fixed(colour: str) -> dashboard.FieldColor:
    """Return one colour for everything."""
    return dashboard.FieldColor().mode(models.FieldColorModeId.FIXED).fixed_color(colour)


def by_threshold() -> dashboard.FieldColor:
    """Return the colour of the threshold that a value has passed."""
    return dashboard.FieldColor().mode(models.FieldColorModeId.THRESHOLDS)


def last_value(field: str = "") -> common.ReduceDataOptions:
    """Show the newest value of a series (or of the named field only)."""
    return common.ReduceDataOptions().calcs(["lastNotNull"]).fields(field).values(False)


def option(name: str, value: Any) -> models.DynamicConfigValue:
    """Return one property of a field override."""
    return models.DynamicConfigValue(id_val=name, value=value)


def titled(title: str, *options: models.DynamicConfigValue) -> list[models.DynamicConfigValue]:
    """Return the properties of a column: its heading and what else it needs."""
    return [option("displayName", title), *options]


def coloured_background() -> models.DynamicConfigValue:
    """Colour the cell by its value."""
    return option("custom.cellOptions", {"type": "color-background", "mode": "basic"})


def mapped(*maps: models.ValueMap) -> models.DynamicConfigValue:
    """Show the texts of the maps in place of the values."""
    return option("mappings", list(maps))


def to_enterprise(field: str = "enterprise_id") -> models.DynamicConfigValue:
    """Link a cell to the drill-down of the enterprise that another cell of the row names."""
    url = (
        f"/d/{ENTERPRISE_UID}/enterprise?var-datasource=${{datasource}}"
        f'&var-enterprise=${{__data.fields["{field}"]:percentencode}}&${{__url_time_range}}'
    )
    return option("links", [{"title": "企业详情 drill down", "url": url}])


def with_columns(panel: table.Panel, columns: Mapping[str, Sequence[models.DynamicConfigValue]]) -> table.Panel:
    """Give a table's columns their headings and looks."""
    for name, properties in columns.items():
        panel = panel.override_by_name(name, list(properties))
    return panel


def count_tile(title: str, description: str, colour: str) -> stat.Panel:
    """Return a big number on a coloured ground with its course behind it."""
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(source())
        .reduce_options(last_value())
        .graph_mode(common_models.BigValueGraphMode.AREA)
        .color_mode(common_models.BigValueColorMode.BACKGROUND)
        .color_scheme(fixed(colour))
        .decimals(0)
    )


def judged_tile(title: str, description: str, *rising: tuple[float | None, str]) -> stat.Panel:
    """Return a big number whose ground turns with its thresholds."""
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(source())
        .reduce_options(last_value())
        .graph_mode(common_models.BigValueGraphMode.NONE)
        .color_mode(common_models.BigValueColorMode.BACKGROUND)
        .thresholds(steps(*rising))
        .color_scheme(by_threshold())
    )


def level_timeline(title: str, description: str) -> statetimeline.Panel:
    """Return a state timeline of level numbers, one row per series."""
    return (
        statetimeline.Panel()
        .title(title)
        .description(description)
        .datasource(source())
        .mappings([level_numbers()])
        .color_scheme(by_threshold())
        .thresholds(steps(*((number or None, shade.colour) for number, shade in enumerate(LEVELS))))
        .span_nulls(True)
        .show_value(common_models.VisibilityMode.NEVER)
        .merge_values(True)
        .row_height(0.85)
        .legend(common.VizLegendOptions().show_legend(False).display_mode(common_models.LegendDisplayMode.LIST))
    )


def curves(title: str, description: str) -> timeseries.Panel:
    """Return a plot of lines over time."""
    return (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(source())
        .line_width(1)
        .fill_opacity(10)
        .show_points(common_models.VisibilityMode.AUTO)
        .span_nulls(False)
    )


def bars(title: str, description: str) -> timeseries.Panel:
    """Return a plot of stacked bars over time."""
    return (
        curves(title, description)
        .draw_style(common_models.GraphDrawStyle.BARS)
        .fill_opacity(80)
        .stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL).group("A"))
    )


def plain_table(title: str, description: str) -> table.Panel:
    """Return a table."""
    return table.Panel().title(title).description(description).datasource(source()).show_header(True).filterable(True)
