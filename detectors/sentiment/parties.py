"""Whose fact it is: the enterprise's, or that of another party that the text names.

Chinese puts the bearer of a fact before it, and the nearest wins: in 甲起诉乙拖欠工资 it is 乙 who owes. What is done
by somebody (被乙申请破产) befalls the one before; what one applies for befalls the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple

from detectors.sentiment.names import is_form_of, legal_form, occurrences
from detectors.sentiment.words import either

_C: Final = r"[^，。；！？,;!?\n]"
_TRADE: Final = either(
    "科技 技术 电子 机械 精密 制造 材料 新材 生物 制药 药业 医疗 物流 建设 建筑 建工 建材 工程 纺织 食品 商贸 "
    "贸易 软件 电池 化工 置业 地产 钢铁 "
    "电缆 光电 塑业 环保 能源 商务 实业 投资 控股 服饰 服装 家具 家居 印刷 包装 汽车 汽配 重工 装备 设备 农业 "
    "牧业 酒业 餐饮 酒店 旅游 文化 传媒 "
    "教育 网络 信息 通信 智能 电器 电气 矿业 煤业 煤矿 冶金 金属 五金 模具 玩具 纸业 玻璃 陶瓷 水泥 装饰 园林 "
    "物业 租赁 担保 小贷 金融 信托 保险 证券 "
    "基金 咨询 航运 运输 快递 供应链 造船 光伏 橡胶 印染 化纤 粮油 饲料 劳务 钢材 供应 零部件 家电 电商 平台 房地产"
)
#: Another party, named or not; of a name only its end.
_OTHER: Final = re.compile(
    r"(?:股份|有限责任|有限)公司|合作社|事务所"
    rf"|{_TRADE}(?:股份|集团|公司|厂|企业)"
    r"|^(?!法院|警方|公安|税务|银行|裁定|本|该|因)[\u4e00-\u9fff]{2,6}集团(?!内|化|层面)"
    r"|(?<=[客同被对与向])[户业]?[\u4e00-\u9fff]{2,4}集团(?!内|化|层面)"
    r"|[甲乙丙丁戊A-Z](?:公司|企业|厂|集团)"
    rf"|(?:(?:另外?一|多|数|两|几|[\d一二三四五六七八九十百]余?|部分|个别|不少|众多)家"
    rf"|其他|其它|别的|外地|当地|同城|一批|周边|附近|相邻|隔壁|部分|个别|不少|众多){_C}{{0,8}}?"
    r"(?:(?<!子)(?<!分)公司|企业|工厂|(?<!本)厂|商户|平台|房企|药企|车企|钢企|供应商|客户|单位|同行|煤矿|矿山"
    r"|门店|商家)"
    r"|某[^，。；！？,;!?\n被遭涉因]{0,10}?(?:公司|企业|工厂|厂|商|客户|房企|药企|车企|债券|产品|股票|信托|集团|男子|女子|人|单位|平台|银行|项目|同行"
    rf"|工地|方|超市|地)|某[甲乙丙丁某]"
    r"|"
    + either(
        """
        供应商 经销商 代理商 加盟商 大客户 客户 同行 竞争对手 对手 友商 合作方 合作伙伴 交易对方 交易对手 债务人
        欠款人 欠款方 债务方 参股公司 参股企业 原子公司 前子公司 联营企业 联营公司 承租人 承租方 承租户 租户 租客
        承包商 承包方 分包商 分包方 总包方 总包单位 施工方 发包方 业主方 开发商 房企 邻厂 邻居 第三方 对方 他人
        不法分子 犯罪嫌疑人 嫌疑人 嫌犯 诈骗分子 骗子 团伙 被告方 被告(?!知) 被诉方 买方 卖方 买家 卖家 下游(?!业务)
        上游(?!业务) 中小企业 网贷平台 被投企业 被投资企业 被担保人 被担保方 标的公司 收购标的 目标公司 原股东
        前股东 小股东 前高管 前员工 离职员工 原员工 商户 摊贩 企业主 同业 承运商 承运人 采购商 采购方 邻县 邻市 外省
        同名 隔壁 后者 交易所 园区内企业 违法企业 业主单位 甲方 乙方 中介 前任 前东家 竞品
    """
    )
    + rf"|(?:行业|板块|全国|全省|全市|我省|我市|本市|辖区|园区|全县)内?(?={_C}{{0,10}}?(?:企业|公司|潮|多起"
    rf"|频发|整体))"
)
#: Whom another party is when what follows is what creditors, workers and accusers do.
_CLAIMS: Final = re.compile(
    rf"^{_C}{{0,8}}?"
    + either(
        """
        上门 堵 讨债 讨要 追讨 催讨 催收 起诉 申请 向法院 向其 向公司 集体 维权 围堵 要求 报案 举报 爆料 断供
        停止供货 提起 提出 诉至 索赔 索要 追债 曝光 投诉 聚集 拉横幅 抽贷 断贷 宣布(?:贷款|提前)
    """
    )
)
#: By it the party that follows only does something.
_PASSIVE: Final = re.compile(
    r"(?:被(?!告|执行|申请人|担保|投)|遭到?|由|(?<!回)(?<!响)(?<!供)应(?!链|急|付|收|对)|根据|依据|接到?|据|经(?!销|营|济|理)"
    r"|在)[^，。；！？,;!?\n被遭]{0,6}$"
)
#: Between a party and a fact: the party acts upon, helps, buys or speaks of somebody else's.
_ACTS: Final = re.compile(
    either(
        """
        起诉 状告 控告 诉(?![讼求至]) 举报 投诉 追讨 追索 讨回 追回 索赔 胜诉 协助 帮助 助力 助(?!理|推) 帮扶 援助
        支援 驰援 救援 捐 慰问 资助 纾困 接手 接管 接盘 托管 收购 并购 竞得 拍得 竞买 竞拍 摘得 受让 拍下 买下 购买
        承接 承租 租用 盘活 中标 承建 代理 受托 受聘 参加 参展 出席 旁听 观摩 报名参[与加] 申报(?:破产)?债权 代偿
        代为 代付 垫付 先行支付 揭发 抵制 警惕 谴责 报道 点评 评论 解读 防范 打击 预防 拒绝 杜绝 远离 抢救 扑救 扑灭
        解救 抓获 破获 识破 取代 顶替 收治 安置 吸纳 招聘 聘用 录用 冒用 假冒
        为(?=[^，。]{0,12}(?:员工|工人|职工|客户|农民工|居民|群众|学校|家庭|受损|受灾)) 见义勇为
    """
    )
    + r"|配合(?:警方|公安|法院|税务|执法)|帮(?=[^，。]{0,8}(?:讨|追))|对(?=[^，。]{0,16}(?:提起|申请))"
    r"|请求(?:法院)?(?:冻结|查封|执行|将|对|判)|申请(?:法院|人民法院)?(?:对|将|冻结|查封|保全|财产保全|诉前保全)"
    rf"|(?:担任|获任|成为|作为|入选|中选|当选|聘为)(?={_C}{{0,20}}(?:管理人|投资人|投资方|投资者|顾问|代表|守法|债权人|接盘|重整方))"
    rf"|参与(?={_C}{{0,24}}(?:拍卖|竞拍|重整|投资|处置|救援|抢险|调解|化解|听证|演练|招募|扑救|灭火|搜救|破获|编制|起草"
    r"|制定|清算组))|"
    + either("推出 发布 上线 开发 研发 开设 举办 承办 主办 组织 开展 召开 印发 出台 建立 推广 获得 提供 制定 出版")
    + rf"(?={_C}{{0,24}}"
    + either(
        """
        系统 平台 软件 服务 产品 机制 制度 课 讲座 培训 演练 指南 手册 白皮书 论坛 沙龙 研讨 宣传 活动 专题 报告会
        会议 预案 保险 保函 专利 检查 排查 自查 研究 图书 丛书
    """
    )
    + ")"
)
#: After such an act these turn back to the one who acted.
_TURNS: Final = re.compile(
    r"后(?!的)|却|反而|时被|期间|过程中|因此|自身|本身|自己|本公司|败诉|未果|失败|不成"
    r"|反遭|反被|拒绝后"
)
_REPORTS: Final = re.compile(r"举报|报案|报警|控告|揭发|协助|配合|识破|冒用|假冒")
#: Owing another party, or a quarrel with it: what follows befalls the one who owes.
_OWES: Final = re.compile(
    rf"(?:拖欠|未付|未向|未支付|未偿还|未归还|未履行|欠付|欠|与|和|同|因|就|不服|对"
    rf"|为){_C}{{0,14}}$"
)
_OWED: Final = re.compile(
    rf"^的?{_C}{{0,6}}?"
    + either(
        """
        货款 工程款 借款 价款 款项 欠款 尾款 装修款 款 债务 债权 纠纷 合同 一案 案 诉讼 租金 房租 贷款 本息 本金
        仲裁 电费 运费 提供担保 担保
    """
    )
)
#: A fact that begins with what is done: whoever is named in it or after it bears it.
_DOES: Final = re.compile(
    either(
        """
        吊销 撤销 收回 冻结 查封 司法 轮候 受理 裁定 宣告 启动 指定 责令 勒令 强制 限制 禁止 申请 立案 批捕 逮捕
        批准 列 关停 取缔 依法 要求 下令 警方 公安 经侦 终结 执行 对 采取 移送 提起 通缉 恢复 财产保全 诉前保全 决定
        催缴
    """
    )
)
#: Right after the fact: a party of that kind and not the enterprise, 停产企业, 失联客户.
_ATTRIBUTE: Final = re.compile(
    r"^(?:的|楼盘)?"
    + either(
        """
        企业 公司 客户 厂商 房企 同行 单位 个人 案例 机构 供应商 经销商 项目 工厂 小厂 厂(?!房|区|长) 农民工 工人
        劳动者 群众 业主 受损 受灾 居民 人士 主体 商家 平台 地块 土地 煤矿 矿山 资产包 老板(?=留|遗|的厂) 人员家属
        嫌犯 嫌疑人 门店 商户 家庭 球员 酒店 楼盘
    """
    )
    + r"(?!名单|名录|黑名单|公示|信息|公告|清单|库|范围|负责人|因|列表)"
)
_IS: Final = re.compile(
    rf"(?:成为?|沦为|系|(?<!不)是|列为|列入|纳入|属于?|认定为|公布为|定为|归为|被{_C}{{0,10}}?(?:列|纳|认定"
    rf"|公布|责令|标注|标记)[为入]?){_C}{{0,6}}$"
)
_NAMED: Final = re.compile(r"公司|合作社|某|[甲乙丙丁]厂|多家|同行|供应商|客户")
_CLAUSE: Final = re.compile(r"(?:[^，。；！？,;!?\n:]|(?<=\d),(?=\d{3}))+")
_BEFALLS: Final = re.compile(r"(?:被|遭)(?!告|执行|申请人)")


class Who(Enum):
    """Whom a mention or a clause is about."""

    SUBJECT = "subject"
    OTHER = "other"


class Mention(NamedTuple):
    """A party that a clause names, from character ``start`` up to ``end``."""

    start: int
    end: int
    who: Who


class Clause(NamedTuple):
    """A clause, and what is known from those before it.

    Parameters
    ----------
    start
        Where it begins in its text.
    text
        The clause.
    mentions
        The parties that it names, in order.
    topic
        Whom it goes on about where it names nobody.
    patient
        To whom the clause before did something.
    """

    start: int
    text: str
    mentions: Sequence[Mention]
    topic: Who
    patient: Who


def others_named(text: str) -> bool:
    """Tell whether a normalised text may name another party."""
    return bool(_OTHER.search(text))


def mentions(clause: str, names: tuple[str, ...]) -> list[Mention]:
    """Return the parties that a clause names, in its order.

    Examples
    --------
    >>> [mention.who.value for mention in mentions("华远精密起诉某贸易公司拖欠货款", ("华远精密制造有限公司",))]
    ['subject', 'other']
    """
    found: list[Mention] = []
    start = 0
    for at, form in occurrences(clause, names):
        rest = clause[at + len(form) :]
        if at >= start and is_form_of(form, rest, names):
            found.extend(_others(clause, start, at))
            start = at + len(form) + len(legal_form(rest))
            found.append(Mention(at, start, Who.SUBJECT))
    found.extend(_others(clause, start, len(clause)))
    return found


def _others(clause: str, start: int, end: int) -> Iterator[Mention]:
    for match in _OTHER.finditer(clause, start, end):
        yield Mention(match.start(), match.end(), Who.OTHER)


@lru_cache(maxsize=16)
def clauses(text: str, names: tuple[str, ...]) -> tuple[Clause, ...]:
    """Return the clauses of a normalised text with their parties.

    A clause that names nobody goes on about the party of the one before; at the beginning that is the subject, unless
    the text names only others.
    """
    parts = [(match.start(), match.group()) for match in _CLAUSE.finditer(text)]
    named = [mentions(part, names) if names else [] for _, part in parts]
    everybody = [mention.who for found in named for mention in found]
    topic = Who.OTHER if everybody and Who.SUBJECT not in everybody and _NAMED.search(text) else Who.SUBJECT
    patient = topic
    result = []
    for (start, part), found in zip(parts, named, strict=True):
        result.append(Clause(start, part, found, topic, patient))
        if found:
            topic, patient = _roles(part, found, topic)
    return tuple(result)


def _roles(clause: str, found: Sequence[Mention], before: Who) -> tuple[Who, Who]:
    """Return whom the next clause goes on about, and to whom this one did something."""
    bearing = [found[i] for i in range(len(found)) if not _is_agent(clause, found, i)]
    if not bearing:
        return before, before
    first, last = bearing[0], bearing[-1]
    if first.who is Who.SUBJECT and _REPORTS.search(clause[first.end :]):
        return Who.OTHER, Who.OTHER
    if first.who is Who.OTHER and any(m.who is Who.SUBJECT for m in bearing) and not _ACTS.search(clause):
        return Who.SUBJECT, last.who
    return first.who, last.who


def _is_agent(clause: str, found: Sequence[Mention], at: int, fact: int = -1) -> bool:
    """Tell whether another party only does something to somebody.

    What it claims for itself, 申请破产, is its own: the fact that begins right after it, at ``fact``.
    """
    mention = found[at]
    if mention.who is Who.SUBJECT:
        return False
    since = found[at - 1].end if at else 0
    named = clause[max(since, mention.start - 16) : mention.end]
    return bool(_AGENT.search(named)) or (mention.end != fact and bool(_CLAIMS.match(clause[mention.end :])))


_AGENT: Final = re.compile(_PASSIVE.pattern.replace("{0,6}$", "{0,20}$"))


def bearer(clause: Clause, start: int, end: int) -> Who:
    """Return whose fact it is that a clause reports from ``start`` up to ``end``, counted within the clause.

    Examples
    --------
    >>> (clause,) = clauses("某银行申请对华远精密强制执行", ("华远精密制造有限公司",))
    >>> bearer(clause, 10, 14).value
    'subject'
    """
    text, found = clause.text, clause.mentions
    if _ATTRIBUTE.match(text[end:]) and not _IS.search(text[:start]):
        return Who.OTHER
    within = [mention for mention in found if start < mention.end and mention.start < end]
    if within and _DOES.match(text[start:end]):
        return within[-1].who
    before = [at for at, mention in enumerate(found) if mention.start < start]
    after = [mention for mention in found if mention.start >= end]
    applied = _applied(text, start)
    if applied is not None:
        return _target(clause, applied, start, end)
    while before:
        at = before.pop()
        if found[at].who is Who.SUBJECT:
            return _after_act(text[found[at].end : start])
        if not _is_agent(text, found, at, start) and not (before and _owes(text, found[at - 1], found[at])):
            return Who.OTHER
    if after and _DOES.match(text[start:end]) and after[0].start - end <= 24:
        return after[0].who
    if clause.topic is Who.SUBJECT and not any(mention.who is Who.SUBJECT for mention in found):
        return _after_act(text[:start])
    return Who.SUBJECT if any(mention.who is Who.SUBJECT for mention in found) else clause.topic


_APPLIES: Final = re.compile(rf"申请(?!人|撤|解|暂|中|停|不){_C}{{0,24}}$")


def acts(clause: Clause, start: int, end: int) -> bool:
    """Tell whether a word from ``start`` up to ``end`` is what the subject does to another party: 起诉, 追讨."""
    if not _ACTS.fullmatch(clause.text, start, end) or _BEFALLS.search(clause.text[:start]):
        return False
    doing = [mention.who for mention in clause.mentions if mention.end <= start]
    return (doing[-1] if doing else clause.topic) is Who.SUBJECT


def _applied(text: str, start: int) -> int | None:
    """Return where somebody applies for the measure at ``start`` against somebody else, or None."""
    if text.startswith(("破产", "重整", "预重整"), start) or "破产" in text[start : start + 24]:
        return None
    if re.match(r"申请(?:人民法院|法院)?(?:强制|恢复)?执行", text[start:]):
        return start
    match = _APPLIES.search(text[:start])
    return match.start() if match and not re.search(r"被|遭|后", match.group()) else None


def _target(clause: Clause, applied: int, start: int, end: int) -> Who:
    """Return against whom a measure is applied for."""
    text, found = clause.text, clause.mentions
    aimed = [mention for mention in found if mention.start >= applied and mention.end <= start]
    after = [mention for mention in found if mention.start >= end]
    if aimed:
        return aimed[-1].who
    before = [mention for mention in found if mention.end <= applied]
    if before and re.search(r"对(?:债务人|被告)?[^，。]{0,12}$", text[: before[-1].start + 1][-14:]):
        return before[-1].who
    passive = _BEFALLS.search(text[before[0].end if before else 0 : applied]) or re.search(r"收到", text[:applied])
    if passive:
        return before[0].who if before else clause.topic
    if after:
        return after[0].who
    if not before:
        claimed = re.search(r"债权人|银行|工人|员工", text[:applied])
        return clause.topic if claimed else clause.patient if clause.patient is not clause.topic else _not(clause.topic)
    return _not(before[-1].who)


def _not(who: Who) -> Who:
    return Who.OTHER if who is Who.SUBJECT else Who.SUBJECT


def _after_act(between: str) -> Who:
    """Return whose fact it is after words that follow the subject."""
    acts = list(_ACTS.finditer(between))
    if not acts or _TURNS.search(between[acts[-1].start() :]):
        return Who.SUBJECT
    return Who.SUBJECT if _PASSIVE.search(between[: acts[0].start()]) else Who.OTHER


def _owes(text: str, one: Mention, other: Mention) -> bool:
    """Tell whether a party owes, or quarrels with, the other one named after it."""
    return bool(_OWES.search(text[one.end : other.start])) and bool(_OWED.match(text[other.end :]))
