"""What texts call an enterprise: its registered name, without region and legal form, or only its brand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from detectors.sentiment.words import MASK, either
from detectors.sentiment.writing import normalise

_LEGAL: Final = either(
    """
        集团股份有限公司 集团有限责任公司 集团有限公司 股份有限公司 有限责任公司 有限公司 集团公司 股份公司 总公司
        合伙企业 合作社 集团 公司
    """
)
_FORM: Final = re.compile(rf"{_LEGAL}(?:\((?:有限合伙|普通合伙)\))?$")
_FORM_NEXT: Final = re.compile(_LEGAL)
_REGION: Final = re.compile(
    r"^(?:中国)?(?:[\u4e00-\u9fff]{2,3}?(?:省|自治区))?(?:[\u4e00-\u9fff]{2,4}?(?:市|自治州|盟))?"
    r"(?:[\u4e00-\u9fff]{1,4}?(?:区|县|旗|开发区))?"
)
_CITY: Final = re.compile(
    "^"
    + either(
        """
        北京 上海 天津 重庆 河北 山西 辽宁 吉林 黑龙江 江苏 浙江 安徽 福建 江西 山东 河南 湖北 湖南 广东 海南 四川
        贵州 云南 陕西 甘肃 青海 台湾 内蒙古 广西 西藏 宁夏 新疆 香港 澳门 深圳 广州 杭州 南京 苏州 无锡 常州 宁波
        温州 福州 厦门 泉州 青岛 济南 烟台 郑州 武汉 长沙 成都 西安 昆明 贵阳 南宁 南昌 合肥 沈阳 大连 长春 哈尔滨
        石家庄 太原 呼和浩特 兰州 西宁 银川 乌鲁木齐 海口 东莞 佛山 珠海 中山 惠州 嘉兴 绍兴 金华 台州 南通 扬州
        徐州 盐城 江门 湖州 芜湖 潍坊 临沂 唐山 保定 洛阳
    """
    )
)
#: Words of trade in a name, after its brand.
_TRADE: Final = either(
    """
        科技 技术 电子 机械 精密 制造 材料 新材料 新材 生物 医药 制药 医疗 器械 机电 物流 建设 建筑 建工 工程 纺织
        食品 商贸 贸易 软件 电池 化工 置业 置地 地产 房地产 钢铁 电缆 光电 塑业 塑料 环保 新能源 能源 电子商务 商务
        光学 实业 投资 控股 发展 服饰 服装 家具 家居 印务 印刷 包装 汽车 汽配 重工 装备 设备 仪器 仪表 农业 牧业
        水产 酒业 饮品 乳业 餐饮 酒店 旅游 文化 传媒 教育 网络 信息 通信 通讯 智能 电器 电气 电力 燃气 水务 矿业
        煤业 冶金 金属 铜业 铝业 五金 模具 玩具 鞋业 皮革 纸业 玻璃 陶瓷 水泥 建材 装饰 园林 物业 租赁 担保 小额贷款
        小贷 金融 信托 保险 证券 基金 资产管理 资产 管理 咨询 服务 航运 航空 船舶 造船 港务 运输 快递 供应链 进出口
        国际 半导体 芯片 光伏 锂电 电梯 轴承 橡胶 轮胎 染整 印染 化纤 针织 棉业 粮油 饲料 种业 渔业 生态 数码 动力
        电源 照明 卫浴 厨具 体育 健康 养老 药业 股份 电商 重机 车业 纸品 制品 日化 化妆品 劳务 钢材
    """
)
_TRADES: Final = re.compile(_TRADE)
#: What small businesses are, at the end of their names.
_SMALL: Final = either("经营部 贸易商行 百货商行 门市部 批发部 加工部 加工厂 专卖店 商店 饭店 酒楼")
#: A name goes on: with words of trade, or with its legal form.
_LONGER: Final = re.compile(rf"[\u4e00-\u9fff]{{0,6}}?{_SMALL}|{_TRADE}+(?:[\u4e00-\u9fff]{{0,4}}?{_LEGAL})?|{_LEGAL}")
#: In 晨光光学 (Sunrise Optics) or Sunrise Optics 晨光光学 the Chinese name alone.
_CHINESE_NAME: Final = re.compile(r"^[\u4e00-\u9fff]{4,}(?=\s*\([A-Za-z])|(?<=[A-Za-z)]\s)[\u4e00-\u9fff]{4,}$")
#: With such an end a name is complete.
_WHOLE: Final = re.compile(r"(?:有限公司|有限责任公司|合伙企业|合作社)$")
#: A word of trade that here is what the enterprise has: 天成食品设备被查封.
_POSSESSION: Final = re.compile(
    r"(?:资产|股份|设备|仪器|汽车|工程|包装|服务|信息|网络|投资|管理|食品|产品)(?=被|遭|已|全部|均|及|和|、|款|司法|轮候|涉嫌|因)"
)
#: What else a party is or was called.
_ASIDE: Final = re.compile(
    r"\((?:曾用名|原名|原|前身|前称|以下简称|下称|简称|股票代码|证券代码|代码|统一社会信用代码)[^()]*\)"
)
_MARKET: Final = re.compile(r"^(?:\*?ST|S\*?ST|XD|XR|DR|N)(?=[\u4e00-\u9fff])")


@lru_cache(maxsize=4096)
def aliases(name: str) -> tuple[str, ...]:
    """Return what a text may call an enterprise, the longest first.

    Examples
    --------
    >>> aliases("福州市华远精密制造有限公司")
    ('福州市华远精密制造有限公司', '福州市华远精密制造', '华远精密制造', '华远精密制', '华远精密', '华远')
    """
    stem = _MARKET.sub("", _FORM.sub("", name, count=1)) or name
    core = stem
    for prefix in (_REGION, _CITY):
        rest = re.sub(r"^\([\u4e00-\u9fff]{2,6}\)", "", prefix.sub("", core, count=1))
        core = rest if len(rest) >= 3 else core
    chinese = _CHINESE_NAME.search(core)
    core = chinese.group() if chinese else core
    brands = [length for length in (2, 3) if _TRADES.match(core, length)]
    found = {name, stem, core, *(core[:length] for length in [*brands, *range(4, len(core))])}
    return tuple(sorted((alias for alias in found if len(alias) > 1), key=lambda alias: (-len(alias), alias)))


@lru_cache(maxsize=4096)
def forms(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return what a normalised text may call an enterprise of several names, the longest first."""
    every = {alias for name in names for alias in aliases(normalise(name))}
    return tuple(sorted(every, key=lambda alias: (-len(alias), alias)))


def occurrences(text: str, names: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Yield where a normalised text calls an enterprise by name, and how.

    Examples
    --------
    >>> list(occurrences("华远破产,华远精密停产", ("华远精密制造有限公司",)))
    [(0, '华远'), (5, '华远精密')]
    """
    known, at = forms(names), 0
    while True:
        found = [(place, -len(form), form) for form in known if (place := text.find(form, at)) >= 0]
        if not found:
            return
        place, length, form = min(found)
        yield place, form
        at = place - length


def masked(text: str, names: tuple[str, ...]) -> str:
    """Return a normalised text of the same length in which nothing of the enterprise's names can be read.

    Examples
    --------
    >>> masked("重生游戏破产", ("重生游戏有限公司",)).replace(MASK, "x")
    'xxxx破产'
    """
    parts: list[str] = []
    since = 0
    for at, form in occurrences(text, names):
        rest = text[at + len(form) :]
        if at >= since and is_form_of(form, rest, names):
            end = at + len(form) + len(legal_form(rest))
            parts += text[since:at], MASK * (end - at)
            since = end
    return "".join([*parts, text[since:]])


def without_asides(text: str, names: tuple[str, ...]) -> str:
    """Return a normalised text of the same length in which what else a party is or was called cannot be read.

    Examples
    --------
    >>> without_asides("甲公司(曾用名:乙厂)破产", ("甲公司",)).replace(MASK, "x")
    '甲公司xxxxxxxx破产'
    """

    def hidden(aside: re.Match[str]) -> str:
        found = aside.group()
        return found if any(occurrences(found, names)) else MASK * len(found)

    return _ASIDE.sub(hidden, text) if "(" in text else text


def is_form_of(alias: str, rest: str, names: Sequence[str]) -> bool:
    """Tell whether a short form still is one of the names, considering the text that follows it.

    Examples
    --------
    >>> names = ["华远精密制造有限公司"]
    >>> is_form_of("华远", "破产", names), is_form_of("华远", "地产集团破产", names)
    (True, False)
    """
    match = _LONGER.match(rest)
    if match is None or _WHOLE.search(alias) or _POSSESSION.match(rest):
        return True
    whole = _FORM.sub("", alias + match.group(), count=1)
    return any(_within(whole, name) for name in names)


def legal_form(rest: str) -> str:
    """Return the legal form with which a text begins."""
    match = _FORM_NEXT.match(rest)
    return match.group() if match else ""


def _within(short: str, name: str) -> bool:
    """Tell whether all characters of one stand in the other, in order."""
    rest = iter(name)
    return all(character in rest for character in short)
