"""Names that officers read: levels with their colours, industries, provinces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Shade:
    """A warning level as it is shown."""

    name: str
    text: str
    colour: str


#: In order; the place in it is the level's number.
LEVELS = (
    Shade("none", "无 none", "#6E7681"),
    Shade("blue", "蓝 blue", "#3274D9"),
    Shade("yellow", "黄 yellow", "#FADE2A"),
    Shade("orange", "橙 orange", "#FF780A"),
    Shade("red", "红 red", "#E02F44"),
)
WARNING_LEVELS = LEVELS[1:]

FAMILIES: Mapping[str, str] = MappingProxyType(
    {
        "electricity": "用电 electricity",
        "tax": "纳税 tax",
        "social_security": "社保 social security",
        "litigation": "司法 litigation",
        "sentiment": "舆情 sentiment",
    }
)

#: Section letters of GB/T 4754-2017.
INDUSTRIES: Mapping[str, str] = MappingProxyType(
    {
        "A": "农林牧渔 agriculture",
        "B": "采矿 mining",
        "C": "制造 manufacturing",
        "D": "电热燃水 utilities",
        "E": "建筑 construction",
        "F": "批发零售 trade",
        "G": "交通仓储 transport",
        "H": "住宿餐饮 hospitality",
        "I": "信息软件 information",
        "J": "金融 finance",
        "K": "房地产 real estate",
        "L": "租赁商务 business services",
        "M": "科研技术 research",
        "N": "水利环境 environment",
        "O": "居民服务 personal services",
        "P": "教育 education",
        "Q": "卫生社会 health",
        "R": "文体娱乐 culture",
        "S": "公共管理 administration",
        "T": "国际组织 international",
        "": "未知 unknown",
    }
)

#: First two digits of GB/T 2260.
PROVINCES: Mapping[str, str] = MappingProxyType(
    {
        "11": "北京", "12": "天津", "13": "河北", "14": "山西", "15": "内蒙古", "21": "辽宁",
        "22": "吉林", "23": "黑龙江", "31": "上海", "32": "江苏", "33": "浙江", "34": "安徽",
        "35": "福建", "36": "江西", "37": "山东", "41": "河南", "42": "湖北", "43": "湖南",
        "44": "广东", "45": "广西", "46": "海南", "50": "重庆", "51": "四川", "52": "贵州",
        "53": "云南", "54": "西藏", "61": "陕西", "62": "甘肃", "63": "青海", "64": "宁夏",
        "65": "新疆", "71": "台湾", "81": "香港", "82": "澳门",
        "": "未知 unknown",
    }
)  # fmt: skip
